"""A student: the course's files as they lie, one configuration, three files to hand in."""

import csv
from pathlib import Path

import pytest

from scripts.run_mtl import main
from tests.course_files import ids_of, write_course
from tests.toy_runs import toy_run

pytestmark = pytest.mark.slow

COURSE = Path(__file__).parents[2] / "configs" / "course.yaml"


def predictions(path, column):
    with path.open() as lines:
        rows = list(csv.DictReader(lines))
    return [row["id"] for row in rows], [row[column] for row in rows]


def test_from_a_folder_of_files_to_three_files_to_hand_in(tmp_path, monkeypatch):
    assert len(COURSE.read_text().splitlines()) <= 40
    toy_run(tmp_path, 1, 1)
    write_course(tmp_path / "data", 400, 60)
    monkeypatch.chdir(tmp_path)
    options = "--model_name_or_path encoder --max_length 32 --learning_rate 5e-3 --use_cpu true"
    assert main([str(COURSE), *options.split(), "--num_train_epochs", "5"]) == 0
    handed_in = Path("runs/course/submissions")

    ids, sentiment = predictions(handed_in / "sentiment.csv", "Predicted_Sentiment")
    # A text's first words give its class.
    right = sum(int(found) == i % 5 for i, found in enumerate(sentiment))
    assert ids == ids_of("ids-sst") and right > 3
    ids, paraphrases = predictions(handed_in / "paraphrase.csv", "Predicted_Is_Paraphrase")
    assert ids == ids_of("quora") and set(paraphrases) <= {"0", "1"}
    ids, scores = predictions(handed_in / "similarity.csv", "Predicted_Similarity")
    assert ids == ids_of("sts") and all(0 <= float(score) <= 5 for score in scores)

"""Predictions of the test rows after training, from the course's files to the files to hand in."""

import csv
from pathlib import Path

import pytest
import yaml

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLPipeline
from tests.course_files import TEST_ROWS, ids_of, write_course
from tests.toy_runs import toy_run
from tests.toys import toy_tokenizer
from trainer.config.parser import parse
from trainer.data.readers import read_rows
from trainer.errors import InputError
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")

COURSE = Path(__file__).parents[2] / "configs" / "course.yaml"
QUICK = (
    "--max_steps 1 --max_length 32 --eval_strategy no --save_strategy no "
    "--load_best_model_at_end false --use_cpu true --disable_tqdm true"
)


def course_options(folder):
    model, data = str(folder / "encoder"), str(folder / "course")
    return [str(COURSE), *QUICK.split(), "--model_name_or_path", model, "--data_dir", data]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    toy_run(folder, 1, 1)
    write_course(folder / "course", 12, 6)
    return folder


@pytest.fixture(scope="module")
def trained(place):
    metrics = train(parse([*course_options(place), "--output_dir", str(place / "out")]))
    return place / "out", metrics


def table(path):
    with path.open() as lines:
        header, *rows = csv.reader(lines)
    return header, rows


def test_a_folder_of_the_courses_files_becomes_three_submission_files(trained):
    folder, metrics = trained
    assert sorted(path.name for path in (folder / "submissions").iterdir()) == [
        *("paraphrase.csv", "sentiment.csv", "similarity.csv")
    ]
    valid = {"Predicted_Sentiment": "01234", "Predicted_Is_Paraphrase": "01"}
    for task, name, column in (
        ("sentiment", "ids-sst", "Predicted_Sentiment"),
        ("paraphrase", "quora", "Predicted_Is_Paraphrase"),
        ("similarity", "sts", "Predicted_Similarity"),
    ):
        header, rows = table(folder / "submissions" / f"{task}.csv")
        assert header == ["id", column] and [row[0] for row in rows] == ids_of(name)
        if column in valid:
            assert {row[1] for row in rows} <= set(valid[column])
        else:
            assert all(0 <= float(row[1]) <= 5 for row in rows)
    assert not [name for name in metrics if name.startswith("test_")]
    dropped = (folder / "dropped_rows.csv").read_text().splitlines()[1:]
    assert [line.rpartition("/")[2] for line in dropped] == ["quora-train.csv,13,missing label"]


def test_the_predictions_are_those_of_the_model_in_the_folder(trained, place):
    folder, _ = trained
    model = HybridMTLModel.from_pretrained(folder)
    pipe = HybridMTLPipeline(model=model, tokenizer=toy_tokenizer(), device="cpu")
    rows = read_rows(place / "course" / "sts-test-student.csv")
    pairs = zip(rows["sentence1"], rows["sentence2"], strict=True)
    expected = pipe([{"text": a, "text_pair": b} for a, b in pairs], task="similarity")
    _, found = table(folder / "submissions" / "similarity.csv")
    assert len(found) == TEST_ROWS
    for (_, score), prediction in zip(found, expected, strict=True):
        assert float(score) == pytest.approx(prediction["score"], abs=1e-4)


def test_a_bad_test_row_keeps_its_place(place, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text('id,sentence\n7,w1 w2\n3," "\n5,w4\n')
    options = ["--tasks.sentiment.test_file", str(tmp_path / "rows.csv")]
    with pytest.raises(InputError, match="rows.csv, row 2: column 'sentence' must be .*bad_rows"):
        train(parse([*course_options(place), *options, "--output_dir", str(tmp_path / "out")]))
    assert not (tmp_path / "out").exists()
    options += ["--tasks.sentiment.bad_rows", "drop"]
    options += ["--tasks.sentiment.submission", "{reason: why, label: mood, id: id}"]
    train(parse([*course_options(place), *options, "--output_dir", str(tmp_path / "out")]))
    header, rows = table(tmp_path / "out" / "submissions" / "sentiment.csv")
    assert header == ["why", "mood", "id"] and [row[2] for row in rows] == ["7", "3", "5"]
    assert [bool(row[1]) for row in rows] == [True, False, True]
    assert rows[1][0] == "no text in column 'sentence'" and not rows[0][0]
    assert "rows.csv: 1 of 3 rows have no prediction: no text" in capsys.readouterr().out


def test_the_last_of_several_phases_predicts_the_rows_of_every_task(place, tmp_path):
    config = yaml.safe_load(COURSE.read_text())
    config["phases"] = [{"name": "all"}, {"name": "one", "tasks": ["similarity"]}]
    (tmp_path / "phases.yaml").write_text(yaml.safe_dump(config))
    options = [*course_options(place)[1:], "--output_dir", str(tmp_path / "out")]
    train(parse([str(tmp_path / "phases.yaml"), *options, "--save_dtype", "bfloat16"]))
    for task in config["tasks"]:
        assert len(table(tmp_path / "out" / "submissions" / f"{task}.csv")[1]) == TEST_ROWS


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("submission", "{Id: id}", "submission: there is no column 'Id' among those of the pred"),
        ("submission", "{id: id, score: id}", "submission.*: the names must differ"),
        ("submission", "{}", "submission.*: must be a mapping"),
        ("test_file", "null", "submission = .*: there are no test rows.*tasks.sentiment.test_file"),
        ("test_file", "sts-test-student.csv", "there is no column 'sentence' .found: Unnamed"),
        ("test_file", "none.csv", "field 'test_file': there is no file '.*course/none.csv'"),
    ],
)
def test_a_submission_that_cannot_be_written_ends_the_run_before_training(
    place, tmp_path, field, value, message
):
    options = [f"--tasks.sentiment.{field}", value, "--output_dir", str(tmp_path / "out")]
    with pytest.raises(InputError, match=message):
        train(parse([*course_options(place), *options]))
    assert not (tmp_path / "out").exists()


def test_folds_have_no_model_that_could_predict_the_test_rows(place):
    with pytest.raises(InputError, match="task 'sentiment': submission: with folds"):
        parse([*course_options(place), "--folds", "3"])

"""Corrections are stored completely, as rows of training data."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

from modeling_hybrid_mtl import TaskConfig
from tests.modeling.toy_models import TASKS
from trainer.app.errors import UserError
from trainer.app.feedback import Feedback, append_line
from trainer.data import TaskSource, check_split, load_split

ROWS = {
    "mood": {"text": 'ein schöner Film 🎬\u2028\n\t"=1+1"', "label": "good", "prediction": "bad"},
    "stars": {"text": "a film", "label": 4.0, "prediction": 3.2},
    "tags": {"text": ["Anna", "is"], "label": ["PERSON", "O"], "prediction": ["O", "O"]},
    "near": {"text": "a", "text_pair": "b", "label": 0.0, "prediction": 4.1},
}


@pytest.fixture
def feedback(tmp_path):
    return Feedback(tmp_path / "feedback", "my-model", "abc")


def rows_of(path: Path) -> list[dict]:
    text = path.read_bytes().decode("utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


def test_a_row_has_text_prediction_and_correction(feedback):
    feedback.add("mood", ROWS["mood"])
    (row,) = rows_of(feedback.folder / "mood" / "train.jsonl")
    time = datetime.fromisoformat(row.pop("time"))
    assert time.utcoffset().total_seconds() == 0
    assert row == {**ROWS["mood"], "task": "mood", "model": "my-model", "revision": "abc"}


@pytest.mark.parametrize("task", ROWS)
def test_the_rows_are_a_source_of_the_task(feedback, task):
    for _ in range(3):
        feedback.add(task, ROWS[task])
    source = TaskSource(dataset=str(feedback.folder / task))
    entry = TaskConfig.from_entry(task, TASKS[task])
    split = check_split(task, entry, source, load_split(task, source, "train", None))
    assert len(split.rows) == 3
    first = split.rows[0]
    assert first["text"] == ROWS[task]["text"]
    label = ROWS[task]["label"]
    if entry.kind == "token_classification":
        label = [entry.labels.index(tag) for tag in label]
    elif entry.has_labels:
        label = entry.labels.index(label)
    assert first["label"] == label


def test_threads_do_not_mix_their_lines(feedback):
    with ThreadPoolExecutor(8) as pool:
        for i in range(100):
            pool.submit(feedback.add, "mood", {"text": f"{i} " * 3000})
    rows = rows_of(feedback.folder / "mood" / "train.jsonl")
    assert sorted(int(row["text"].split()[0]) for row in rows) == list(range(100))


WRITER = """
import sys, types
sys.modules["app"] = types.ModuleType("app")
sys.modules["app"].__path__ = [sys.argv[3]]
from app.feedback import Feedback
from pathlib import Path
feedback = Feedback(Path(sys.argv[1]), "m", "r")
for i in range(50):
    feedback.add("mood", {"text": sys.argv[2] * 5000})
"""


def test_processes_do_not_mix_their_lines(feedback):
    app = Path(sys.modules[Feedback.__module__].__file__).parent
    command = [sys.executable, "-c", WRITER, str(feedback.folder)]
    writers = [subprocess.Popen([*command, letter, str(app)]) for letter in "abc"]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    texts = [row["text"] for row in rows_of(feedback.folder / "mood" / "train.jsonl")]
    assert sorted(texts) == [letter * 5000 for letter in "abc" for _ in range(50)]


@pytest.mark.parametrize("padding", [0, 200_000])
def test_an_incomplete_line_is_removed(tmp_path, padding):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "' + b"x" * padding)
    append_line(path, {"a": 2})
    assert rows_of(path) == [{"a": 1}, {"a": 2}]


def test_a_complete_line_without_a_newline_is_kept(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"a": 1}')
    append_line(path, {"a": 2})
    assert rows_of(path) == [{"a": 1}, {"a": 2}]


def test_a_full_disk_leaves_the_rows_as_they_were_and_is_reported(feedback, monkeypatch):
    feedback.add("mood", ROWS["mood"])
    path = feedback.folder / "mood" / "train.jsonl"
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"could not be saved \(No space left on device\)"):
        feedback.add("mood", ROWS["mood"])
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_created_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="could not be saved"):
        Feedback(tmp_path / "file", "m", "r").add("mood", ROWS["mood"])

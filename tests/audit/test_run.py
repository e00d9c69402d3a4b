"""A model is audited from its folder to the report and the card."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainer.audit.options import AuditOptions
from trainer.audit.run import audit
from trainer.errors import InputError

TEXTS = ["a good film", "the bad play", "a dull play", "a witty film"]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    random = np.random.default_rng(0)
    with path.open("w") as lines:
        for index in range(120):
            row = {
                "text": TEXTS[index % 4],
                "mood": ["bad", "so-so", "good"][random.integers(3)],
                "stars": float(random.uniform(1, 5)),
                "topics": [["plot"], ["cast", "music"], []][random.integers(3)],
                "gender": "fm"[index % 2],
                "age": ["young", "old", "old", None][random.integers(4)],
            }
            lines.write(json.dumps(row) + "\n")
    return str(path)


def test_every_task_has_the_parts_that_the_data_allow(pipe, file):
    options = AuditOptions(data=[file], groups=["gender", "age"], axes=["age"], behavior_rows=20)
    found = audit(pipe, options)
    tasks = {task.name: task for task in found.tasks}
    assert "tags" not in tasks and found.skipped["tags"].startswith("all")
    assert found.skipped["grade"].startswith("subgroups: the data have no")
    assert tasks["mood"].rows == tasks["stars"].rows == tasks["topics"].rows == 120
    assert not tasks["grade"].rows and tasks["grade"].axes and tasks["grade"].behavior
    names = {c.group.name for c in tasks["mood"].comparisons}
    assert {"gender = f", "age = (missing)", "gender = m & age = old"} <= names
    assert {c.measure.name for c in tasks["stars"].comparisons} == {
        "residual",
        "absolute_error",
        "correlation",
    }
    assert {axis.side for axis in tasks["near"].axes} == {
        "both texts",
        "first text",
        "second text",
    }
    assert max(check.rows for check in tasks["mood"].behavior) == 20
    assert found.tests > 0


def test_a_single_task_reads_the_column_label(pipe, file):
    options = AuditOptions(
        data=[file], groups=["gender"], tasks=["mood"], columns={"label": "mood"}, axes=["age"]
    )
    (task,) = audit(pipe, options).tasks
    accuracy = {c.group.name: c for c in task.comparisons if c.measure.name == "accuracy"}
    rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
    predicted = [entry["label"] for entry in pipe([row["text"] for row in rows], task="mood")]
    right = [p == row["mood"] for p, row in zip(predicted, rows, strict=True)]
    expected = np.mean(right[::2])
    assert accuracy["gender = f"].estimate.value == pytest.approx(expected)


def test_each_task_reads_the_column_that_it_is_given(pipe, file, tmp_path):
    rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
    names = {"text": "Message", "mood": "How it is", "stars": "Rating", "gender": "gender"}
    renamed = [{new: row[old] for old, new in names.items()} for row in rows]
    path = tmp_path / "renamed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in renamed))
    columns = {name: names[name] for name in ("text", "mood", "stars")}
    chosen = {"groups": ["gender"], "tasks": ["mood", "stars"], "axes": ["age"]}
    expected = audit(pipe, AuditOptions(data=[file], **chosen))
    found = audit(pipe, AuditOptions(data=[str(path)], columns=columns, **chosen))
    for ours, theirs in zip(found.tasks, expected.tasks, strict=True):
        assert ours.rows == 120 and ours.comparisons
        pairs = zip(ours.comparisons, theirs.comparisons, strict=True)
        assert all(repr(a.estimate) == repr(b.estimate) for a, b in pairs)


def test_without_data_the_words_and_the_behavior_are_audited(pipe):
    found = audit(pipe, AuditOptions(tasks=["same"], axes=["first_name"]))
    (task,) = found.tasks
    assert not task.comparisons and found.tests == 0
    names = next(check for check in task.behavior if check.name == "other first name")
    assert names.rows > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": ["a"]}, "data: is missing"),
        ({"data": ["x"]}, "groups: is missing"),
        ({"data": ["x"], "groups": ["a", "a"]}, "named twice"),
        ({"min_rows": 1}, "min_rows = 1: must be 4 or more"),
        ({"bad_rows": "skip"}, "bad_rows = 'skip': must be one of error, drop"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        AuditOptions(**options)


def test_tasks_that_are_not_there_or_have_no_rows_are_refused(pipe, file):
    with pytest.raises(InputError, match="no task 'moods'.*Did you mean 'mood'"):
        audit(pipe, AuditOptions(tasks=["moods"]))
    with pytest.raises(InputError, match="tags of words are not audited, and there is no other"):
        audit(pipe, AuditOptions(tasks=["tags"]))
    options = AuditOptions(data=[file], groups=["gender"], columns={"label": "mood"})
    with pytest.raises(InputError, match="columns: label: is of one task.*mood=COLUMN"):
        audit(pipe, options)
    options = AuditOptions(data=[file], groups=["gender"], columns={"texts": "mood"})
    with pytest.raises(InputError, match="columns: 'texts' is not one of text, .*mood"):
        audit(pipe, options)
    with pytest.raises(InputError, match=r"texts and labels there \(found: .*--columns"):
        audit(pipe, AuditOptions(data=[file], groups=["gender"], tasks=["near"]))

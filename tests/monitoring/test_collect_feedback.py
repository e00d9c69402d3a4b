"""Feedback becomes rows to train and evaluate on."""

import json

import pytest

from tests.monitoring.lines import answer, feedback, write_log
from trainer.app.feedback import Feedback
from trainer.errors import InputError
from trainer.monitoring.collect_feedback import (
    BAD,
    BAD_ROW,
    MARK,
    NO_TEXT,
    REPLACED,
    collect,
    write_rows,
)


def rows_of(folder, task):
    return [
        json.loads(line)
        for name in ("train", "validation")
        for line in (folder / task / f"{name}.jsonl").read_text().splitlines()
    ]


def test_a_pages_corrections_become_rows(tmp_path):
    page = Feedback(tmp_path / "feedback", "model", "v1")
    page.add("mood", {"text": "=1+1 a film", "label": "bad", "prediction": "good"})
    page.add("same", {"text": "a", "text_pair": "b", "label": "no", "prediction": "yes"})
    page.add("tags", {"text": ["a", "film"], "label": ["O", "N"], "prediction": ["O", "O"]})
    found = collect([tmp_path / "feedback"])
    counts = write_rows(found, tmp_path / "rows", 0.2)
    assert set(counts) == {"mood", "same", "tags"} and not found.counts
    assert rows_of(tmp_path / "rows", "mood") == [{"text": "=1+1 a film", "label": "bad"}]
    assert rows_of(tmp_path / "rows", "same") == [{"text": "a", "text_pair": "b", "label": "no"}]
    assert rows_of(tmp_path / "rows", "tags") == [{"text": ["a", "film"], "label": ["O", "N"]}]


def test_feedback_in_a_log_gets_the_text_of_its_answer(tmp_path):
    log = write_log(
        tmp_path / "log",
        [
            answer(id="1", text="a dull film"),
            answer(id="2", text="a good film", text_pair="b"),
            answer(id="3"),
            feedback(id="1", label="so-so"),
            feedback(id="1", label="bad"),  # the last counts
            feedback(id="2", label="good"),
            feedback(id="3"),
            {"event": "x"},
        ],
    )
    found = collect([log])
    assert found.counts == {BAD: 1, NO_TEXT: 1}
    write_rows(found, tmp_path, 0.0)
    assert rows_of(tmp_path, "mood") == [
        {"text": "a dull film", "label": "bad"},
        {"text": "a good film", "text_pair": "b", "label": "good"},
    ]


def test_later_feedback_on_a_text_replaces_earlier(tmp_path):
    page = Feedback(tmp_path / "f", "model", "v1")
    for label in ("bad", "so-so"):
        page.add("mood", {"text": "a film", "label": label, "prediction": "good"})
    found = collect([tmp_path / "f"])
    write_rows(found, tmp_path, 0.0)
    assert rows_of(tmp_path, "mood") == [{"text": "a film", "label": "so-so"}]
    assert found.counts == {REPLACED: 1}


def test_a_text_stays_in_training_or_in_evaluation(tmp_path):
    page = Feedback(tmp_path / "f", "model", "v1")
    for number in range(200):
        page.add("mood", {"text": f"film {number}", "label": "bad", "prediction": "good"})

    def evaluation(name):
        write_rows(collect([tmp_path / "f"]), tmp_path / name, 0.2)
        path = tmp_path / name / "mood" / "validation.jsonl"
        return {json.loads(line)["text"] for line in path.read_text().splitlines()}

    before = evaluation("before")
    assert 20 <= len(before) <= 60
    for number in range(200, 300):
        page.add("mood", {"text": f"film {number}", "label": "bad", "prediction": "good"})
    after = evaluation("after")
    assert before == {text for text in after if int(text.split()[1]) < 200}


def test_a_folder_without_feedback_is_an_error(tmp_path):
    with pytest.raises(InputError, match="has no feedback"):
        collect([tmp_path])


def at(second):
    return f"2026-03-01T12:00:{second:02}.000+00:00"


def test_the_later_feedback_counts_whatever_the_order_of_answers_and_files(tmp_path):
    first = write_log(
        tmp_path / "a",
        [
            answer(id="1", text="a film", time=at(0)),
            answer(id="2", text="a film", time=at(1)),
            feedback(id="2", label="so-so", time=at(10)),
        ],
    )
    second = write_log(tmp_path / "b", [feedback(id="1", label="bad", time=at(20))])
    for order in ([first, second], [second, first]):
        found = collect(order)
        assert [*found.rows["mood"].values()] == [{"text": "a film", "label": "bad"}]


def test_rotated_logs_belong_together(tmp_path):
    old = write_log(tmp_path / "log.1", [answer(id="1", text="a film")])
    new = write_log(tmp_path / "log", [feedback(id="1", label="bad")])
    found = collect([new, old])
    assert not found.counts
    assert [*found.rows["mood"].values()] == [{"text": "a film", "label": "bad"}]


def test_a_last_line_without_its_end_counts(tmp_path):
    log = write_log(
        tmp_path / "log", [answer(id="1", text="a film"), feedback(id="1", label="bad")]
    )
    log.write_text(log.read_text().rstrip("\n"))
    assert len(collect([log]).rows["mood"]) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "../../elsewhere"},
        {"task": "/tmp/elsewhere"},
        {"task": ""},
        {"task": "a" * 300},
        {"text": ""},
        {"text": []},
        {"text": ["w1", ["w2"]]},
        {"text": "half \ud800"},
        {"label": float("nan")},
        {"label": ""},
        {"label": [["a"], {"b": 1}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("door", ["log", "page"])
def test_what_no_row_can_have_is_left_out_and_counted(tmp_path, changes, door):
    row = {"task": "mood", "text": "a film", "label": "bad", **changes}
    if door == "log":
        bad = [
            {**answer(id="2", task=row["task"]), "text": row["text"]},
            {**feedback(id="2", task=row["task"]), "label": row["label"]},
        ]
        good = [answer(id="1", text="good film"), feedback(id="1", label="good")]
        source = tmp_path / "log"
        source.write_text("".join(json.dumps(line) + "\n" for line in [*bad, *good]))
    else:
        if "task" in changes:
            return  # it is the folder's name
        source = tmp_path / "feedback"
        (source / "mood").mkdir(parents=True)
        good = {"text": "good film", "label": "good"}
        lines = [json.dumps(line) + "\n" for line in (row, good)]
        (source / "mood" / "train.jsonl").write_text("".join(lines))
    found = collect([source])
    assert found.counts == {BAD_ROW: 1}
    write_rows(found, tmp_path / "rows", 0.0)
    assert rows_of(tmp_path / "rows", "mood") == [{"text": "good film", "label": "good"}]
    assert {path.name for path in (tmp_path / "rows").iterdir()} == {"mood", MARK}


def test_rows_of_ones_own_are_not_replaced(tmp_path):
    page = Feedback(tmp_path / "f", "model", "v1")
    page.add("mood", {"text": "a film", "label": "bad", "prediction": "good"})
    own = tmp_path / "data" / "mood" / "train.jsonl"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    found = collect([tmp_path / "f"])
    with pytest.raises(InputError, match="is not of collected feedback"):
        write_rows(found, tmp_path / "data", 0.0)
    assert own.read_text() == "mine"
    for _ in range(2):
        write_rows(found, tmp_path / "rows", 0.0)

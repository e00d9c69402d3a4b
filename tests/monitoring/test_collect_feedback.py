"""Feedback becomes rows to train and evaluate on."""

import json

import pytest

from tests.monitoring.lines import answer, feedback, write_log
from trainer.app.feedback import Feedback
from trainer.errors import InputError
from trainer.monitoring.collect_feedback import BAD, NO_TEXT, REPLACED, collect, write_rows


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

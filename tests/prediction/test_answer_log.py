import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from trainer.errors import InputError
from trainer.prediction.answer_log import (
    AnswerLog,
    answer_record,
    feedback_record,
    new_id,
    parse_line,
    unknown_share,
)

FACTS = {"tokens": 5, "truncated": False, "unknown": 0.25, "version": "sha256:ab"}
CLASS = {"label": "good", "score": 0.75}


def test_a_record_has_label_score_and_confidence_of_each_kind_of_output():
    def result(prediction):
        record = answer_record("1", "mood", prediction, **FACTS)
        return record["label"], record["score"], record["confidence"]

    assert result(CLASS) == ("good", 0.75, 0.75)
    assert result({"score": 4.25}) == (None, 4.25, None)
    assert result([CLASS, {"label": "new", "score": 0.5}]) == (["good", "new"], None, 0.5)
    assert result([]) == ([], None, None)
    assert result([{"entity": "PER", "score": 0.5, "word": "Anna"}]) == (["PER"], None, 0.5)
    assert result({"score": float("nan")}) == (None, None, None)


def test_a_record_is_read_as_it_was_written_and_has_no_text_unless_given():
    record = answer_record(new_id(), "mood", CLASS, **FACTS)
    assert parse_line(json.dumps(record)) == record | {
        "time": parse_line(json.dumps(record))["time"]
    }
    assert "text" not in record
    assert datetime.fromisoformat(record["time"]).utcoffset() == timedelta(0)
    texts = {"text": "a film", "text_pair": "a book"}
    assert texts.items() <= answer_record("1", "same", CLASS, **FACTS, texts=texts).items()
    given = feedback_record("1", "mood", "bad", "v")
    assert parse_line(json.dumps(given))["label"] == "bad"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"event": "other"}, "'event' is one of answer, feedback"),
        ({"tokens": "five"}, "no valid 'tokens'"),
        ({"tokens": True}, "no valid 'tokens'"),
        ({"time": "yesterday"}, "no valid 'time'"),
        ({"version": None}, "no valid 'version'"),
    ],
)
def test_a_wrong_line_is_refused_by_field(change, message):
    record = answer_record("1", "mood", CLASS, **FACTS) | change
    with pytest.raises(ValueError, match=message):
        parse_line(json.dumps(record))


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "[" * 100_000, b"\xff"])
def test_a_line_that_is_no_object_is_refused(line):
    with pytest.raises(ValueError, match="is not"):
        parse_line(line)


def test_after_a_full_disk_only_its_lines_are_missing(tmp_path, monkeypatch):
    log = AnswerLog(tmp_path / "answers.jsonl")
    write = os.write
    calls = []

    def write_some(file, content):
        calls.append(content)
        if len(calls) == 1:
            return write(file, content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainer.prediction.answer_log.os.write", write_some)
    with pytest.raises(OSError, match="No space"):
        log.write([answer_record("lost", "mood", CLASS, **FACTS)])
    monkeypatch.setattr("trainer.prediction.answer_log.os.write", write)
    log.write([answer_record("a", "mood", CLASS, **FACTS)])
    log.write([answer_record("b", "mood", CLASS, **FACTS)])
    log.close()
    broken, *lines = log.path.read_text().splitlines()
    assert len(broken) == 10 and [parse_line(line)["id"] for line in lines] == ["a", "b"]


def test_lines_of_many_threads_stay_whole_and_an_incomplete_one_is_ended(tmp_path):
    path = tmp_path / "new" / "answers.jsonl"
    path.parent.mkdir()
    path.write_text('{"event": "ans')
    log = AnswerLog(path)
    records = [answer_record(str(i), "mood", CLASS, **FACTS) for i in range(50)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log.write, [records] * 8))
    log.close()
    first, *lines = path.read_text().splitlines()
    assert first == '{"event": "ans'
    assert len([parse_line(line) for line in lines]) == 400


def test_a_new_log_is_readable_by_its_owner_alone(tmp_path):
    AnswerLog(tmp_path / "answers.jsonl").close()
    assert stat.S_IMODE((tmp_path / "answers.jsonl").stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InputError, match="log: .* cannot be written"):
        AnswerLog(tmp_path)


def test_unknown_tokens_are_counted_among_those_of_the_text():
    special = frozenset({0, 1, 2})
    assert unknown_share([2, 7, 1, 8, 2, 0], 1, special) == pytest.approx(1 / 3)
    assert unknown_share([2, 2], 1, special) == 0
    assert unknown_share([2, 7], None, special) == 0

"""Lines of a log: hostile ones are counted, growing and replaced files are read on."""

import json
from collections import Counter

import numpy as np
import pytest

from tests.monitoring.lines import DAY, START, answer, feedback, write_log
from tests.monitoring.simulated import make_reference
from trainer.errors import InputError
from trainer.monitoring import log_reader
from trainer.monitoring.log_lines import MAX_LINE, LogFile
from trainer.monitoring.log_reader import LogReader

REFERENCE = make_reference(np.random.default_rng(0), 100)


def read(*paths, now=START + 10 * DAY, **options):
    counts = Counter()
    reader = LogReader(paths, REFERENCE, counts, now=lambda: now, **options)
    return list(reader.read()), counts, reader


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", None),
        ("no JSON", log_reader.BAD),
        ("[" * 100_000, log_reader.BAD),
        ("null", log_reader.BAD),
        ('{"event": "answer"}', log_reader.BAD),
        ('{"event": ["answer"]}', log_reader.BAD),
        ("\x00\xff", log_reader.BAD),
        (json.dumps({**answer(), "event": "answer/2"}), log_reader.BAD),
        (json.dumps(answer(time="yesterday")), log_reader.BAD),
        (json.dumps(answer(time="0001-01-01T00:00:00+23:59")), log_reader.BAD),
        (json.dumps(answer(tokens="9")), log_reader.BAD),
        (json.dumps(answer(20 * DAY)), log_reader.FUTURE),
        (json.dumps(answer(task="moods")), log_reader.UNKNOWN_TASK),
        (json.dumps(answer(label="great")), log_reader.UNKNOWN_LABEL),
        (json.dumps(answer(label=["good", "bad"])), log_reader.UNKNOWN_LABEL),
        (json.dumps(answer(label=None)), log_reader.UNKNOWN_LABEL),
        (json.dumps(answer(version="v2")), log_reader.OTHER_VERSION),
        (json.dumps(answer(confidence=float("nan"))), log_reader.BAD_VALUE),
        (json.dumps(answer(tokens=10**400)), log_reader.BAD_VALUE),
        (json.dumps(answer(task="near", score=float("inf"))), log_reader.BAD_VALUE),
        (json.dumps(feedback(task="near", label="good")), log_reader.BAD_VALUE),
        (json.dumps(feedback(label=1)), log_reader.UNKNOWN_LABEL),
        ("x" * (MAX_LINE + 1), log_reader.TOO_LONG),
    ],
)
def test_a_bad_line_is_counted_and_the_others_are_read(tmp_path, line, reason):
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([json.dumps(answer()), line, json.dumps(answer(1.0))]) + "\n")
    records, counts, reader = read(path)
    assert [record.time for record in records] == [START, START + 1]
    assert counts == Counter({"answers": 2, **({reason: 1} if reason else {})})
    if reason not in (None, log_reader.TOO_LONG):
        assert reader.examples == {reason: "log.jsonl, line 2"}


def test_other_versions_are_read_if_asked_for(tmp_path):
    path = write_log(tmp_path / "log", [answer(version="v2")])
    assert len(read(path, any_version=True)[0]) == 1


def test_files_are_merged_by_time(tmp_path):
    one = write_log(tmp_path / "one", [answer(1.0), answer(4.0)])
    two = write_log(tmp_path / "two", [answer(2.0), feedback(3.0)])
    assert [record.time - START for record in read(one, two)[0]] == [1, 2, 3, 4]


def test_groups_of_too_many_values_are_left_out(tmp_path):
    records = [answer(groups={"user": f"u{number}", "place": "a\nb"}) for number in range(80)]
    found, counts, _ = read(write_log(tmp_path / "log", [*records, answer(groups=[1])]))
    assert sum("user" in record.groups for record in found) == log_reader.MAX_VALUES
    assert counts[log_reader.MANY_GROUPS] == 30 and found[0].groups["place"] == "a?b"


def test_a_growing_file_is_read_on_and_a_replaced_one_from_its_beginning(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\nthr")
    file = LogFile(path)
    assert list(file.read()) == [b"one", b"two"] and file.has_incomplete_line
    with path.open("ab") as end:
        end.write(b"ee\n")
    assert list(file.read()) == [b"three"] and not file.has_incomplete_line
    (tmp_path / "new").write_bytes(b"four\n")
    (tmp_path / "new").replace(path)
    assert list(file.read()) == [b"four"]
    path.write_bytes(b"5\n")  # emptied, and written anew
    assert list(file.read()) == [b"5"]


def test_an_endless_line_takes_no_memory(tmp_path):
    path = tmp_path / "log"
    with path.open("wb") as file:
        for _ in range(40):
            file.write(b"x" * MAX_LINE)
        file.write(b"\nshort\n")
    file = LogFile(path)
    assert list(file.read()) == [b"short"] and file.too_long == 1 and file.line == 2


def test_an_incomplete_last_line_is_said(tmp_path):
    path = write_log(tmp_path / "log", [answer()])
    path.write_text(path.read_text() + '{"event": "ans')
    records, counts, _ = read(path)
    assert len(records) == 1 and counts[log_reader.INCOMPLETE] == 1


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="log: .*none.* cannot be read: No such file"):
        read(tmp_path / "none")

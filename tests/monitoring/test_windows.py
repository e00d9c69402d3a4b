"""Windows of time and of numbers of answers, and feedback on their answers."""

from collections import Counter

import numpy as np
import pytest

from tests.monitoring.simulated import MOOD, NEAR
from trainer.errors import InputError
from trainer.monitoring.options import MonitorOptions, parse_window
from trainer.monitoring.records import AnswerBuffer, AnswerRecord, FeedbackRecord
from trainer.monitoring.reference import MAX_VECTORS
from trainer.monitoring.windows import LATE, NO_ANSWER, REPEATED, Windows

KINDS = {"mood": MOOD, "near": NEAR}


def answer(time, name="", labels=("good",), task="mood"):
    return AnswerRecord(time, task, labels if task == "mood" else (), id=name, score=2.0)


def divide(size, records, now=0.0):
    counts = Counter()
    windows = Windows(parse_window(size), KINDS, counts)
    found = [*windows.divide(records), *windows.close(now)]
    return found, windows.pending, counts


def test_windows_of_time_begin_at_multiples_of_it():
    times = [7190.0, 7199.0, 7200.0, 18_000.0]
    found, pending, _ = divide("1h", map(answer, times), now=18_060.0)
    assert [(w.start, w.end, w.rows) for w in found] == [(3600, 7200, 2), (7200, 10_800, 1)]
    assert pending == 1  # the last window has not ended
    found, pending, _ = divide("1h", map(answer, times), now=21_660.0)
    assert [w.rows for w in found] == [2, 1, 1] and pending == 0


def test_windows_of_answers_have_a_number_of_them():
    found, pending, _ = divide("10rows", (answer(float(i)) for i in range(25)), now=1e9)
    assert [(w.start, w.end, w.rows) for w in found] == [(0, 9, 10), (10, 19, 10)]
    assert pending == 5


def test_late_answers_are_counted_and_kept():
    times = [100.0, *[7300.0] * 20, 110.0, 7400.0]
    found, _, counts = divide("1h", map(answer, times), now=11_000.0)
    assert [(w.number, w.start, w.rows) for w in found] == [(0, 0, 1), (1, 7200, 22)]
    assert counts[LATE] == 1


def test_a_line_with_a_time_to_come_takes_no_others():
    times = [10.0, 90_000.0, *(20.0 + i for i in range(50)), *(3600.0 + i for i in range(50))]
    found, pending, counts = divide("1h", map(answer, times), now=7260.0)
    assert [(w.start, w.rows) for w in found] == [(0, 51), (3600, 50)]
    assert pending == 1 and not counts


def test_answers_after_the_end_of_their_window_are_in_the_next():
    counts = Counter()
    windows = Windows(parse_window("1h"), KINDS, counts)
    assert [*windows.divide([answer(100.0)]), *windows.close(3599.0)] == []
    assert [w.rows for w in windows.close(3660.0)] == [1]
    assert list(windows.divide([answer(200.0), answer(3700.0)])) == []
    (last,) = windows.close(7260.0)
    assert (last.start, last.end, last.rows) == (3600, 7200, 2) and counts[LATE] == 1


def test_feedback_is_counted_where_it_is_given():
    records = [
        answer(0.0, "a"),
        answer(1.0, "b", ("bad",)),
        answer(2.0, "c", task="near"),
        FeedbackRecord(3.0, "mood", "a", ("good",)),
        FeedbackRecord(4000.0, "mood", "b", ("good",)),
        FeedbackRecord(4000.0, "near", "c", 3.0),
        FeedbackRecord(4001.0, "mood", "unknown", ("good",)),
    ]
    found, _, counts = divide("1h", records, now=7260.0)
    first, second = (window.feedback for window in found)
    assert (first["mood"].confirmed, first["mood"].corrected) == (1, 0)
    assert (second["mood"].corrected, second["near"].corrected) == (1, 1)
    assert counts[NO_ANSWER] == 1


def test_the_last_feedback_on_an_answer_counts_once():
    given = [FeedbackRecord(float(i), "mood", "a", ("bad",)) for i in range(1, 30)]
    taken_back = [FeedbackRecord(40.0, "mood", "a", ("good",))]
    later = [FeedbackRecord(4000.0, "mood", "a", ("bad",))]
    records = [answer(0.0, "a"), *given, *taken_back, *later]
    found, _, counts = divide("1h", records, now=7260.0)
    window = found[0]
    assert (window.feedback["mood"].confirmed, window.feedback["mood"].corrected) == (0, 1)
    assert len(found) == 1  # the later feedback opens no window of its own
    assert counts[REPEATED] == 30
    found, _, _ = divide("1h", records[:-1], now=7260.0)
    assert (found[0].feedback["mood"].confirmed, found[0].feedback["mood"].corrected) == (1, 0)


def test_the_sampled_texts_are_of_the_whole_window():
    buffer = AnswerBuffer(MOOD, 0)
    for number in range(4 * MAX_VECTORS):
        buffer.add(AnswerRecord(0.0, "mood", ("good",), texts=(str(number),)))
    numbers = np.array([int(text) for (text,) in buffer.texts])
    assert len(numbers) == MAX_VECTORS and abs(numbers.mean() - 2 * MAX_VECTORS) < 100


@pytest.mark.parametrize("text", ["", "1", "1w", "0rows", "-1d", "1.5h", "99999999999d"])
def test_other_windows_are_refused(text):
    with pytest.raises(InputError, match="window = .*: expected such as 1d"):
        MonitorOptions(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_rows": 5}, "min_rows = 5: must be 10 or more"),
        ({"window": "20rows"}, "has fewer answers than min_rows = 50"),
        ({"effects": {"label": 0.1}}, "Did you mean 'labels'"),
        ({"effects": {"labels": 2.0}}, "labels = 2.0: must be from 0 to 1"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        MonitorOptions(**options)


def test_sizes_are_written_in_words():
    assert [str(parse_window(t)) for t in ("500rows", "1d", "36h", "90min")] == [
        *("500 answers", "1 day", "36 hours", "90 minutes")
    ]

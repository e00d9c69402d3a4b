"""Windows of a log: answers and feedback of a time, or of a number of answers."""

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.monitoring.answers import TaskKind
from trainer.monitoring.feedback import FeedbackCounts
from trainer.monitoring.options import WindowSize
from trainer.monitoring.records import AnswerBuffer, AnswerRecord, FeedbackRecord

# Answers that feedback is looked up for; older ones are forgotten.
MAX_IDS = 1_000_000
# Seconds after the end of a window.
_GRACE = 60
# Lines of later windows in a row, after which a window is complete.
_LATER = 20
LATE = "answers of an earlier window, counted in a later one"
REPEATED = "further feedback on an answer, of which the last counts"
NO_ANSWER = "feedback skipped: its answer is not in the log"


@dataclass(eq=False)
class Window:
    """The lines of a window.

    Attributes:
        number: from 0, in the order in which windows were complete.
        start: its beginning, in seconds; of a number of answers, the first one's time.
        end: its end, in seconds; of a number of answers, the last one's time.
        answers: task -> its answers.
        feedback: task -> the feedback.
    """

    number: int
    start: float
    end: float
    answers: dict[str, AnswerBuffer] = field(default_factory=dict)
    feedback: dict[str, FeedbackCounts] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Return the number of answers of all tasks."""
        return sum(map(len, self.answers.values()))


class Windows:
    """Divides records, in the order of a log, into windows.

    A window of time is complete when `_LATER` lines in a row belong to later ones, so that one line
    with a wrong time neither ends a window nor takes the lines that follow it.

    Args:
        size: of a window. Windows of time begin at its multiples since 1970, UTC.
        kinds: task -> what its answers are.
        counts: counts the lines that are not used as they stand, by reason.
    """

    def __init__(self, size: WindowSize, kinds: Mapping[str, TaskKind], counts: Counter[str]):
        self._size, self._kinds, self._counts = size, kinds, counts
        self._number = 0
        self._open: dict[float, Window] = {}
        self._later = 0
        self._closed_until = -math.inf
        self._predictions: OrderedDict[tuple[str, str], tuple[str, ...] | float] = OrderedDict()
        self._feedback: OrderedDict[tuple[str, str], tuple[Window, bool]] = OrderedDict()

    @property
    def pending(self) -> int:
        """Return the number of answers in windows that are not complete."""
        return sum(window.rows for window in self._open.values())

    def divide(self, records: Iterable[AnswerRecord | FeedbackRecord]) -> Iterator[Window]:
        """Yield each window as soon as it is complete; later calls go on with the others.

        Windows without lines are left out.
        """
        for record in records:
            if isinstance(record, FeedbackRecord) and not self._is_new_feedback(record):
                continue
            window = self._window_at(record.time)
            self._add(window, record)
            if self._size.in_rows:
                if window.rows >= self._size.count:
                    yield self._close(window)
                continue
            self._later = 0 if window is self._first else self._later + 1
            if self._later == _LATER:
                yield self._close(self._first)

    def close(self, now: float) -> Iterator[Window]:
        """Yield windows whose time ended a minute ago, when all lines should be there."""
        while self._open and not self._size.in_rows and self._first.end + _GRACE <= now:
            yield self._close(self._first)

    @property
    def _first(self) -> Window:
        return self._open[min(self._open)]

    def _close(self, window: Window) -> Window:
        del self._open[window.start]
        self._later = 0
        if not self._size.in_rows:
            self._closed_until = window.end
        window.number = self._number
        self._number += 1
        return window

    def _window_at(self, time: float) -> Window:
        count = self._size.count
        if self._size.in_rows:
            for window in self._open.values():  # there is one at most
                window.end = max(window.end, time)
                return window
            return self._new(time, time)
        if time < self._closed_until:
            self._counts[LATE] += 1
            if self._open:
                return self._first
            time = self._closed_until
        start = time // count * count
        return self._open.get(start) or self._new(start, start + count)

    def _new(self, start: float, end: float) -> Window:
        self._open[start] = Window(self._number, start, end)
        return self._open[start]

    def _add(self, window: Window, record: AnswerRecord | FeedbackRecord) -> None:
        key = record.task, record.id
        if isinstance(record, FeedbackRecord):
            is_right = self._predictions[key] == record.label
            window.feedback.setdefault(record.task, FeedbackCounts()).add(is_right)
            _remember(self._feedback, key, (window, is_right))
            return
        buffer = window.answers.get(record.task)
        if buffer is None:
            buffer = AnswerBuffer(self._kinds[record.task], int(window.start) % (1 << 32))
            window.answers[record.task] = buffer
        buffer.add(record)
        if record.id:
            labels = self._kinds[record.task].labels
            _remember(self._predictions, key, record.labels if labels else record.score)

    def _is_new_feedback(self, record: FeedbackRecord) -> bool:
        """Return whether feedback is the first on a known answer.

        Further feedback on an answer replaces the first, in the window of the first.
        """
        key = record.task, record.id
        if key not in self._predictions:
            self._counts[NO_ANSWER] += 1
            return False
        if key not in self._feedback:
            return True
        self._counts[REPEATED] += 1
        window, was_right = self._feedback[key]
        if window in self._open.values():
            is_right = self._predictions[key] == record.label
            window.feedback[record.task].add(was_right, -1)
            window.feedback[record.task].add(is_right)
            self._feedback[key] = window, is_right
        return False


def _remember(table: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    """Set an entry of a table that forgets the oldest ones."""
    table[key] = value
    if len(table) > MAX_IDS:
        table.popitem(last=False)

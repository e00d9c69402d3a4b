"""Windows of a log: answers and feedback of a time, or of a number of answers."""

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from trainer.monitoring.answers import TaskKind
from trainer.monitoring.feedback import FeedbackCounts
from trainer.monitoring.options import WindowSize
from trainer.monitoring.records import AnswerBuffer, AnswerRecord, FeedbackRecord

# Answers that feedback is looked up for; older ones are forgotten.
MAX_IDS = 1_000_000
# Seconds after the end of a window.
_GRACE = 60
LATE = "answers of an earlier window, counted in a later one"
NO_ANSWER = "feedback skipped: its answer is not in the log"


@dataclass
class Window:
    """The lines of a window.

    Attributes:
        number: from 0.
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

    Args:
        size: of a window. Windows of time begin at its multiples since 1970, UTC.
        kinds: task -> what its answers are.
        counts: counts the lines that are not used as they stand, by reason.
    """

    def __init__(self, size: WindowSize, kinds: Mapping[str, TaskKind], counts: Counter[str]):
        self._size, self._kinds, self._counts = size, kinds, counts
        self._number = 0
        self._open: Window | None = None
        self._closed_until = -math.inf
        self._predictions: OrderedDict[tuple[str, str], tuple[str, ...] | float] = OrderedDict()

    @property
    def pending(self) -> int:
        """Return the number of answers in the window that is not complete."""
        return 0 if self._open is None else self._open.rows

    def divide(self, records: Iterable[AnswerRecord | FeedbackRecord]) -> Iterator[Window]:
        """Yield each window as soon as it is complete; later calls go on with the last one.

        Windows without lines are left out.
        """
        for record in records:
            window = self._window_at(record.time)
            if window is not self._open:
                if self._open is not None:
                    yield self._open
                self._open = window
            self._add(window, record)
            if self._size.in_rows and window.rows >= self._size.count:
                self._open = None
                yield window

    def close(self, now: float) -> Iterator[Window]:
        """Yield the last window if its time ended a minute ago, when all lines should be there."""
        window = self._open
        if window is not None and not self._size.in_rows and window.end + _GRACE <= now:
            self._open, self._closed_until = None, window.end
            yield window

    def _window_at(self, time: float) -> Window:
        current, count = self._open, self._size.count
        if self._size.in_rows:
            if current is not None:
                current.end = max(current.end, time)
                return current
            return self._new(time, time)
        if current is not None and time < current.end:
            if time < current.start:
                self._counts[LATE] += 1
            return current
        if time < self._closed_until:
            self._counts[LATE] += 1
        start = max(time // count * count, self._closed_until)
        return self._new(start, start + count)

    def _new(self, start: float, end: float) -> Window:
        self._number += 1
        return Window(self._number - 1, start, end)

    def _add(self, window: Window, record: AnswerRecord | FeedbackRecord) -> None:
        if isinstance(record, AnswerRecord):
            buffer = window.answers.get(record.task)
            if buffer is None:
                buffer = AnswerBuffer(self._kinds[record.task], window.number)
                window.answers[record.task] = buffer
            buffer.add(record)
            if record.id:
                labels = self._kinds[record.task].labels
                self._predictions[record.task, record.id] = (
                    record.labels if labels else record.score
                )
                if len(self._predictions) > MAX_IDS:
                    self._predictions.popitem(last=False)
            return
        prediction = self._predictions.get((record.task, record.id))
        if prediction is None:
            self._counts[NO_ANSWER] += 1
            return
        counts = window.feedback.setdefault(record.task, FeedbackCounts())
        if prediction == record.label:
            counts.confirmed += 1
        else:
            counts.corrected += 1

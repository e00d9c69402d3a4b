"""The monitor: windows of a log, compared one by one with the reference."""

from collections.abc import Iterable

import numpy as np

from trainer.monitoring.alerts import AlertLog
from trainer.monitoring.answers import Floats
from trainer.monitoring.compare import Comparison
from trainer.monitoring.options import MonitorOptions
from trainer.monitoring.records import AnswerRecord, Embed, FeedbackRecord
from trainer.monitoring.reference import Reference
from trainer.monitoring.result import Monitored
from trainer.monitoring.timeline import WindowRecord, trends_of_answers
from trainer.monitoring.windows import Window, Windows


class Monitor:
    """Compares the lines of a log with the reference of a model.

    Only the answers of windows that are not complete are in memory.

    Args:
        model: the model's name.
        reference: of the model.
        options: of the monitor.
        embed: returns the vectors of texts; None to compare none.

    Attributes:
        found: the result so far.
    """

    def __init__(
        self, model: str, reference: Reference, options: MonitorOptions, embed: Embed | None = None
    ):
        self._embed = embed
        self.found = Monitored(model, reference, options, AlertLog(options))
        self._comparison = Comparison(reference, options)
        self._kinds = {name: task.kind for name, task in reference.tasks.items()}
        self._windows = Windows(options.size, self._kinds, self.found.lines)

    def add(self, records: Iterable[AnswerRecord | FeedbackRecord], now: float) -> int:
        """Add the next lines of the log.

        Args:
            records: of the lines.
            now: the time in seconds; windows that have ended by then are complete.

        Returns:
            The number of windows that were completed.
        """
        count = 0
        for window in self._windows.divide(records):
            self._close(window)
            count += 1
        for window in self._windows.close(now):
            self._close(window)
            count += 1
        self.found.pending = self._windows.pending
        return count

    def _close(self, window: Window) -> None:
        vectors = self._vectors(window)
        answers = {
            name: buffer.to_answers(vectors.get(name)) for name, buffer in window.answers.items()
        }
        results = self._comparison.compare(window.number, answers, window.feedback)
        self.found.log.add(window.number, results)
        trends = {
            name: trends_of_answers(part, self._kinds[name]) for name, part in answers.items()
        }
        self.found.windows.append(
            WindowRecord(
                *(window.number, window.start, window.end, trends, window.feedback, results)
            )
        )

    def _vectors(self, window: Window) -> dict[str, Floats]:
        """Return the vectors of each task's sampled texts; equal texts are embedded once."""
        sampled = {name: buffer.texts for name, buffer in window.answers.items() if buffer.texts}
        if self._embed is None or not sampled:
            return {}
        texts = list(dict.fromkeys(each for part in sampled.values() for each in part))
        by_text = dict(zip(texts, self._embed(texts), strict=True))
        return {name: np.stack([by_text[each] for each in part]) for name, part in sampled.items()}

"""The result of a monitor."""

from collections import Counter
from dataclasses import dataclass, field

from trainer.monitoring.alerts import AlertLog
from trainer.monitoring.compare import Result
from trainer.monitoring.feedback import FeedbackCounts
from trainer.monitoring.options import MonitorOptions
from trainer.monitoring.reference import Reference
from trainer.monitoring.timeline import WindowRecord

FINE, ALERT, TOO_FEW = "fine", "alert", "too few rows"
# Status -> exit status of the script; 2 is wrong input.
EXIT_STATUS = {FINE: 0, ALERT: 1, TOO_FEW: 3}


@dataclass
class Monitored:
    """What a monitor found in a log.

    Attributes:
        model: the model's name.
        reference: of the model.
        options: of the monitor.
        log: the alerts.
        windows: the complete windows, in order.
        lines: kind of line, or reason why lines were skipped -> their number.
        pending: answers after the last complete window.
        examples: reason -> the first line that was skipped for it.
    """

    model: str
    reference: Reference
    options: MonitorOptions
    log: AlertLog
    windows: list[WindowRecord] = field(default_factory=list)
    lines: Counter[str] = field(default_factory=Counter)
    pending: int = 0
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Return `fine`, `alert` or `too few rows`."""
        if self.log.active:
            return ALERT
        return FINE if self.log.has_enough else TOO_FEW

    @property
    def last_results(self) -> list[Result]:
        """Return the results of the last window."""
        return list(self.windows[-1].results) if self.windows else []

    def answers(self, task: str) -> int:
        """Return the number of a task's answers in all windows."""
        return sum(w.trends[task].n for w in self.windows if task in w.trends)

    def feedback(self, task: str) -> FeedbackCounts:
        """Return the feedback on a task's answers in all windows."""
        counts = [window.feedback.get(task, FeedbackCounts()) for window in self.windows]
        return FeedbackCounts(
            sum(each.corrected for each in counts), sum(each.confirmed for each in counts)
        )

    def line_counts(self) -> list[tuple[str, int]]:
        """Return the kinds of lines, and reasons to skip lines with their first one; numbers."""
        return [
            (f"{name} (first: {self.examples[name]})" if name in self.examples else name, count)
            for name, count in self.lines.items()
        ]

    def summary(self) -> str:
        """Return the status as a sentence."""
        count, size = len(self.log.active), self.options.size
        if self.status == ALERT:
            plural = "" if count == 1 else "s"
            return f"{count} alert{plural}: answers differ from the reference."
        if self.status == FINE:
            return "No alert: no difference in two windows in a row."
        if not self.windows:
            return (
                f"Not enough rows: no window of {size} is complete; {self.pending} answers are in "
                "the first."
            )
        return (
            f"Not enough rows: nothing was tested in two windows; a window of {size} needs "
            f"{self.options.min_rows} answers of a task. Take longer windows (--window)."
        )

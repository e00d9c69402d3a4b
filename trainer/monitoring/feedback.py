"""Feedback on answers, counted."""

from dataclasses import dataclass

from trainer.statistics import Interval, wilson

SELECTED = (
    "Feedback is selected: people write it for some answers, more often for wrong ones. The share "
    "of right answers among those with feedback is not the model's accuracy, and the share of "
    "corrected answers is a lower bound of the share of wrong ones. Compare windows with each "
    "other, not with an accuracy on labeled rows."
)


@dataclass
class FeedbackCounts:
    """The feedback of a window on the answers of a task.

    Attributes:
        corrected: answers with another label or score than the feedback's.
        confirmed: answers with the same.
    """

    corrected: int = 0
    confirmed: int = 0

    def add(self, is_right: bool, count: int = 1) -> None:
        """Add the feedback on an answer."""
        if is_right:
            self.confirmed += count
        else:
            self.corrected += count

    @property
    def n(self) -> int:
        """Return the number of answers with feedback."""
        return self.corrected + self.confirmed

    def right(self) -> tuple[float, Interval] | None:
        """Return the share of confirmed answers and its 95% interval; None without feedback."""
        return (self.confirmed / self.n, wilson(self.confirmed, self.n)) if self.n else None

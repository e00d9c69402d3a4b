"""The first windows of a log, as the reference of what training does not know."""

from collections.abc import Mapping

import numpy as np

from trainer.monitoring.answers import Answers, concatenate
from trainer.monitoring.feedback import FeedbackCounts
from trainer.monitoring.reference import Rates, Reference, rates_of

# A group's first answers, and all first answers of a task, until there are this many.
GROUP_ROWS, TASK_ROWS = 200, 500
Key = tuple[str, str, str]


class Baselines:
    """The first answers of each group and the first feedback of each task.

    Once they are enough, later windows do not change them.

    Args:
        min_rows: a group has no baseline of fewer rows.
    """

    def __init__(self, min_rows: int):
        self._group_rows = max(GROUP_ROWS, min_rows)
        self._task_rows = max(TASK_ROWS, min_rows)
        self._parts: dict[Key, list[Answers]] = {}
        self._rates: dict[Key, Rates] = {}
        self._feedback: dict[str, tuple[int, int]] = {}

    def rates(self, task: str, column: str, value: str) -> Rates | None:
        """Return the rates of a group's first answers; None until there are enough."""
        return self._rates.get((task, column, value))

    def corrected(self, task: str) -> tuple[int, int] | None:
        """Return the corrected ones of a task's first answers, and their number."""
        count, n = self._feedback.get(task, (0, 0))
        return (count, n) if n >= self._task_rows else None

    def add(
        self,
        answers: Mapping[str, Answers],
        feedback: Mapping[str, FeedbackCounts],
        reference: Reference,
    ) -> None:
        """Add a window to the baselines that are not complete."""
        for task, part in answers.items():
            count, n = self._feedback.get(task, (0, 0))
            if n < self._task_rows:
                corrected = min(feedback.get(task, FeedbackCounts()).corrected, len(part))
                self._feedback[task] = count + corrected, n + len(part)
            known = reference.tasks[task].groups
            for column, values in part.groups.items():
                for value in map(str, np.unique(values[values != ""])):
                    if (column, value) not in known:
                        self._add_group((task, column, value), part.select(values == value))

    def _add_group(self, key: Key, answers: Answers) -> None:
        if key in self._rates:
            return
        parts = self._parts.setdefault(key, [])
        parts.append(answers)
        if sum(map(len, parts)) >= self._group_rows:
            self._rates[key] = rates_of(concatenate(self._parts.pop(key)))

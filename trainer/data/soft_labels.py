"""Soft labels: a probability of each class for a row, such as the shares of annotators."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modeling_hybrid_mtl import TaskConfig
from trainer.data.labels import number
from trainer.errors import InputError, truncated_repr

TOLERANCE = 1e-3
# Losses that need the class of a row.
HARD_LOSSES = ("focal", "coral")


def is_soft(label: Any, task: TaskConfig) -> bool:
    """Return whether a label holds a probability of each class."""
    return task.output_type == "class" and isinstance(label, (list, tuple))


def check_soft_loss(place: str, task: TaskConfig) -> None:
    """Check that a task's loss reads probabilities.

    Raises:
        InputError: naming the loss.
    """
    if task.loss in HARD_LOSSES:
        raise InputError(
            f"{place}: labels are probabilities of the classes, and loss '{task.loss}' needs one "
            "class per row; use loss 'cross_entropy'"
        )


def count_ties(labels: Sequence[Any]) -> int:
    """Return the number of rows with several most probable classes; rows may be None."""
    known = np.array([label for label in labels if label is not None], dtype=float)
    if not len(known):
        return 0
    return int(((known == known.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())


class SoftLabelReader:
    """Converts lists of probabilities, or a column per class, to lists of floats that add up to 1.

    Args:
        task: the task's configuration.
        column: the column, or a list of one for each label.
        decimal: the decimal sign in text.
    """

    def __init__(self, task: TaskConfig, column: Any, decimal: str | None):
        self.task, self.decimal = task, decimal or "."
        self.column = column if isinstance(column, str) else ", ".join(column)

    def read(self, value: Any) -> list[float]:
        """Return the probability of each class.

        Raises:
            InputError: unless there is one for each class, 0 or more, and their sum is 1.
        """
        labels = self.task.labels or []
        cells = value if isinstance(value, (list, tuple)) else [value]
        parsed = [number(cell, self.decimal) for cell in cells]
        found = [float(p) for p in parsed if p is not None and p >= 0]
        if len(found) != len(cells) or len(cells) != len(labels):
            raise self._error(value, f"a number, 0 or more, for each of the {len(labels)} labels")
        total = sum(found)
        if abs(total - 1) > TOLERANCE:
            raise self._error(value, f"probabilities with a sum of 1, not {total:g}")
        return [p / total for p in found]

    def _error(self, value: Any, expected: str) -> InputError:
        return InputError(
            f"column '{self.column}' has {truncated_repr(value)}; expected {expected}"
        )

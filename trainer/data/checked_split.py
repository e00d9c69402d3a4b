"""Checked rows of a split, and those that were left out."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasets import Dataset


@dataclass(frozen=True)
class DroppedRow:
    """A row that is left out: its task, its file or Hub split, its number (from 1), the reason."""

    task: str
    location: str
    row: int
    reason: str


@dataclass
class CheckedSplit:
    """Rows with the columns `text`, `text_pair` (pairs), `label` and `weight`, if rows have one.

    Attributes:
        rows: the rows.
        dropped: reason -> number of dropped rows.
        dropped_rows: the dropped rows of files and Hub splits.
        groups: the value of `split_by` for each row, if the task has that field.
    """

    rows: Dataset
    dropped: dict[str, int]
    dropped_rows: list[DroppedRow] = field(default_factory=list)
    groups: list[Any] | None = None

    def labeled(self) -> "CheckedSplit":
        """Return the split without its rows whose label is null."""
        labels = self.rows.with_format("arrow")["label"]
        if labels.null_count == 0:
            return self
        present = np.flatnonzero(labels.is_valid().to_numpy())
        return CheckedSplit(self.rows.select(present), self.dropped, self.dropped_rows)

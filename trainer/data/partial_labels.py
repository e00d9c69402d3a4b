"""Label columns of tables that several tasks share, and rows without a label."""

from collections.abc import Container
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.tokens import IGNORED_LABEL


def label_column(columns: Container[str], task: str) -> str | None:
    """Return the column of a task's labels: its own in a shared table, or `labels`, or None."""
    return next((name for name in (f"labels_{task}", "labels") if name in columns), None)


def is_missing(label: Any, task: TaskConfig) -> bool:
    """Return whether a label is None, NaN or, for classes, -100."""
    return label is None or label != label or (task.has_labels and label == IGNORED_LABEL)


def labeled_rows(rows: Dataset, name: str, task: TaskConfig) -> np.ndarray:
    """Return whether each row has a label, (N,); for tags, whether it has a list of them."""
    column = label_column(rows.column_names, name)
    if column is None:
        return np.zeros(len(rows), dtype=bool)
    labels = rows.with_format("arrow")[column]
    present = labels.is_valid()
    if pa.types.is_floating(labels.type):
        present = pc.and_(present, pc.invert(pc.fill_null(pc.is_nan(labels), True)))
    if task.has_labels and pa.types.is_integer(labels.type):
        present = pc.and_(present, pc.fill_null(pc.not_equal(labels, IGNORED_LABEL), False))
    return np.asarray(present.to_numpy(), dtype=bool)


def only_labeled(rows: Dataset, name: str, task: TaskConfig) -> Dataset:
    """Return the rows that have a label, or the rows themselves if all have one."""
    labeled = labeled_rows(rows, name, task)
    return rows if labeled.all() else rows.select(np.flatnonzero(labeled))


def count_labeled(rows: Dataset, name: str) -> int:
    """Return the number of rows whose label is not null; all, if there is no column of labels."""
    column = label_column(rows.column_names, name)
    return len(rows) if column is None else len(rows) - rows.with_format("arrow")[column].null_count

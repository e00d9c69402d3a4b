"""A table of the rows of a run: counts, classes, and lengths in tokens."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.label_weights import class_counts
from trainer.data.partial_labels import label_column, only_labeled
from trainer.data.streaming import StreamedRows, first_rows
from trainer.errors import join_truncated

_MAX_CLASSES = 8


def summarize(tasks: Mapping[str, TaskConfig], splits: Mapping[str, Mapping[str, Any]]) -> str:
    """Format a table with a line per task and split, and the classes of the training rows.

    Args:
        tasks: the run's tasks.
        splits: split -> task -> tokenized rows; of streamed ones, the first are described.
    """
    header = (
        f"{'task':<20}{'split':<12}{'rows':>9}{'median':>8}{'95%':>6}{'max':>6}{'truncated':>11}"
    )
    lines = ["rows, their lengths in tokens, and the share of rows with truncated texts", header]
    for name, task in tasks.items():
        for part, by_task in splits.items():
            if name in by_task:
                is_stream = isinstance(by_task[name], StreamedRows)
                note = "  (the first rows of a stream)" if is_stream else ""
                rows = only_labeled(first_rows(by_task)[name], name, task)
                lines.append(f"{name:<20}{part:<12}{_describe(rows)}{note}")
                if task.labels and part == "train":
                    labels = rows[label_column(rows.column_names, name)][:]
                    lines.append(f"{'':<20}{_describe_classes(task, labels)}")
    return "\n".join(lines)


def _describe(rows: Dataset) -> str:
    lengths = np.asarray(rows["length"][:])
    median, high = np.percentile(lengths, [50, 95])
    truncated = float(np.mean(rows["truncated"][:]))
    return f"{len(rows):>9,}{median:>8.0f}{high:>6.0f}{lengths.max():>6}{truncated:>11.1%}"


def _describe_classes(task: TaskConfig, values: Sequence[Any]) -> str:
    """Return the classes with their counts of rows or words, the most frequent first."""
    labels = task.labels or []
    known = [value for value in values if value is not None]
    counts = np.round(class_counts(task, known)).astype(int)
    order = np.argsort(-counts, kind="stable")
    shown = [f"{labels[i]} {counts[i]:,}" for i in order[:_MAX_CLASSES]]
    rest = len(labels) - len(shown)
    more = f", and {rest} more with {counts[order[_MAX_CLASSES:]].sum():,}" if rest > 0 else ""
    empty = [labels[i] for i in order if counts[i] == 0]
    missing = f"; without a training row: {join_truncated(empty)}" if empty else ""
    return f"{', '.join(shown)}{more}{missing}"

"""The reader of a column of labels, by the kind of task and by the cells."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from modeling_hybrid_mtl import TaskConfig
from trainer.data.labels import LabelReader, find_decimal
from trainer.data.multi_labels import MultiLabelReader
from trainer.data.readers import RawSplit
from trainer.data.soft_labels import SoftLabelReader, check_soft_loss, is_soft
from trainer.data.task_source import TaskSource

Reader = LabelReader | MultiLabelReader | SoftLabelReader


def reader_and_labels(
    task: TaskConfig, source: TaskSource, column: Any, raw: RawSplit
) -> tuple[Reader, Sequence[Any]]:
    """Return a reader of the labels, and the cell of each row, a tuple for several columns."""
    rows = raw.rows.with_format(None)
    if column is None:  # all rows match
        return LabelReader(task, source, "label", None), [1] * len(rows)
    if task.output_type == "labels":
        reader = MultiLabelReader(task, source, column, rows)
        return reader, reader.cells
    if task.output_type == "class" and isinstance(column, list):
        cells = list(zip(*(rows[name][:] for name in column), strict=True))
        return _soft_reader(task, source, column, raw), cells
    labels = rows[column][:]
    if is_soft(next((label for label in labels if label is not None), None), task):
        return _soft_reader(task, source, column, raw), labels
    source = with_decimal(task, source, raw)
    return LabelReader(task, source, column, rows.features[column]), labels


def _soft_reader(task: TaskConfig, source: TaskSource, column: Any, raw: RawSplit) -> Reader:
    check_soft_loss(raw.location, task)
    return SoftLabelReader(task, column, source.decimal)


def with_decimal(task: TaskConfig, source: TaskSource, raw: RawSplit) -> TaskSource:
    """Return a source with the decimal sign of its scores, recognized from rows if it is unset."""
    column = source.columns.get("label", "label")
    if source.decimal is not None or task.has_labels or column not in raw.rows.column_names:
        return source
    sign = find_decimal(raw.rows.with_format(None)[column][:])
    if sign == ",":
        print(
            f"{raw.location}: column '{column}' is read with decimal commas; if that is wrong, set "
            "the option 'decimal'",
            flush=True,
        )
    return replace(source, decimal=sign)

"""Reading of multi-label columns: lists of classes, texts with a separator, or 0/1 per class."""

import ast
from collections.abc import Sequence
from typing import Any

from datasets import ClassLabel, Dataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.labels import LabelReader, number
from trainer.data.sources import TaskSource
from trainer.errors import InputError, join_truncated, truncated_repr

_FLAGS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def check_label_columns(task: TaskConfig, source: TaskSource) -> None:
    """Check the fields of a source that describe multi-label columns.

    Raises:
        InputError: if the task is of another kind, there is not one column for each label, or a
            text has several columns.
    """
    for key, column in source.columns.items():
        if key != "label" and isinstance(column, list):
            raise InputError(f"field 'columns': {key} = {column}: must be the name of one column")
    columns, labels = source.columns.get("label"), task.labels or []
    is_multi_label = task.output_type == "labels"
    if source.label_separator is not None and not (is_multi_label and source.label_separator):
        raise InputError(
            f"field 'label_separator' = {source.label_separator!r}: must be a text such as '|', "
            f"and is for kind 'multi_label', not '{task.kind}'"
        )
    if not isinstance(columns, list):
        return
    if not is_multi_label:
        raise InputError(
            f"field 'columns': label = {columns}: several columns are for kind 'multi_label'; a "
            f"task of kind '{task.kind}' has one"
        )
    if len(columns) != len(labels) or source.dataset_labels or source.label_separator:
        raise InputError(
            f"field 'columns': label = {columns}: must be a column of 0 and 1 for each of the "
            f"labels, in their order ({join_truncated(labels)}), without dataset_labels and "
            "label_separator"
        )


def read_multi_labels(
    task: TaskConfig,
    source: TaskSource,
    column: str | list[str],
    rows: Dataset,
    kept: Sequence[int],
    location: str,
) -> list[list[float]]:
    """Return the labels of the kept rows, multi-hot.

    A cell is a list of class names or indices, a multi-hot list, a text with `label_separator`
    between names, or a list written as text, such as `["a", "b"]`. An empty list stands for no
    class. With several columns, each holds 0 or 1 for one class.

    Args:
        task: the task's configuration.
        source: the separator, and the data's class names.
        column: the column, or a list of columns.
        rows: the rows as loaded.
        kept: indices of the rows to read.
        location: the file, for messages.

    Raises:
        InputError: naming file, row, column and value.
    """
    places = [f"{location}, row {i + 1}" for i in kept]
    if isinstance(column, list):
        cells = [rows[name][:] for name in column]
        return [
            [_flag(values[i], name, place) for name, values in zip(column, cells, strict=True)]
            for i, place in zip(kept, places, strict=True)
        ]
    values = rows[column][:]
    reader = LabelReader(task, source, column, rows.features[column])
    lists = [_items(values[i], reader, place) for i, place in zip(kept, places, strict=True)]
    convert = _multi_hot if _holds_flags(rows.features[column], lists, task) else _from_names
    return [convert(items, reader, place) for items, place in zip(lists, places, strict=True)]


def _flag(cell: Any, column: str, place: str) -> float:
    parsed = number(cell)
    flag = None if parsed is None else float(parsed)
    flag = _FLAGS.get(str(cell).strip().casefold(), flag)
    if flag not in (0.0, 1.0):
        raise InputError(
            f"{place}: column '{column}' has {truncated_repr(cell)}: must be 0 or 1, whether the "
            "row has this label"
        )
    return flag


def _items(cell: Any, reader: LabelReader, place: str) -> list[Any]:
    """Return the list of a cell."""
    if isinstance(cell, (list, tuple)):
        return list(cell)
    if isinstance(cell, str) and cell.strip():
        if cell.strip().startswith("[") and cell not in reader.index:
            try:
                return list(ast.literal_eval(cell.strip()))
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
                raise _no_list(cell, reader, place) from error
        separator = reader.source.label_separator
        if separator is None:
            return [cell.strip()]
        return [part.strip() for part in cell.split(separator) if part.strip()]
    raise _no_list(cell, reader, place)


def _no_list(cell: Any, reader: LabelReader, place: str) -> InputError:
    return InputError(
        f"{place}: column '{reader.column}' has {truncated_repr(cell)}: expected a list of labels, "
        "or a text with the field label_separator between them; [] for a row without any label"
    )


def _holds_flags(feature: Any, lists: list[list[Any]], task: TaskConfig) -> bool:
    """Return whether the lists of a column are multi-hot rather than names or indices.

    A class occurs once in a list, so three or more zeros and ones are not indices.
    """
    if isinstance(getattr(feature, "feature", None), ClassLabel):
        return False
    count = len(task.labels or [])
    is_hot = [
        len(items) == count
        and all(number(item) in (0, 1) or item in (True, False) for item in items)
        for items in lists
    ]
    return all(is_hot) or (count > 2 and any(is_hot))


def _multi_hot(items: list[Any], reader: LabelReader, place: str) -> list[float]:
    if len(items) != len(reader.labels):
        raise InputError(
            f"{place}: column '{reader.column}' has {len(items)} numbers, where other rows have a "
            f"0 or 1 for each of the {len(reader.labels)} labels: {truncated_repr(items)}"
        )
    return [_flag(item, reader.column, place) for item in items]


def _from_names(items: list[Any], reader: LabelReader, place: str) -> list[float]:
    row = [0.0] * len(reader.labels)
    for item in items:
        try:
            index = reader.class_index(item, place)
        except InputError as error:
            if not isinstance(item, str) or reader.source.label_separator is not None:
                raise
            hint = "if a cell holds several labels, set the field label_separator"
            raise InputError(f"{error}; {hint}") from error
        if row[index]:
            raise InputError(
                f"{place}: column '{reader.column}' has the label '{reader.labels[index]}' twice: "
                f"{truncated_repr(items)}"
            )
        row[index] = 1.0
    return row

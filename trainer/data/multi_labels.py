"""Reading of multi-label columns: lists of classes, texts with a separator, or 0/1 per class."""

import ast
from typing import Any

from datasets import ClassLabel, Dataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.labels import LabelReader, number
from trainer.data.task_source import TaskSource
from trainer.errors import InputError, join_truncated, truncated_repr

_FLAGS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def check_label_columns(task: TaskConfig, source: TaskSource) -> None:
    """Check the fields of a source that describe columns of several labels.

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
    if task.output_type not in ("class", "labels"):
        raise InputError(
            f"field 'columns': label = {columns}: several columns are for kinds with classes of a "
            f"whole text; a task of kind '{task.kind}' has one"
        )
    if len(columns) != len(labels) or source.dataset_labels or source.label_separator:
        values = "0 and 1" if is_multi_label else "probabilities"
        raise InputError(
            f"field 'columns': label = {columns}: must be a column of {values} for each of the "
            f"labels, in their order ({join_truncated(labels)}), without dataset_labels and "
            "label_separator"
        )


class MultiLabelReader:
    """Converts the cells of a multi-label column, or of one column per label, to multi-hot rows.

    A cell is a list of class names or indices, a multi-hot list, a text with `label_separator`
    between names, or a list written as text, such as `["a", "b"]`. An empty list stands for no
    class. With several columns, each holds 0 or 1 for one class.

    Args:
        task: the task's configuration.
        source: the separator, and the data's class names.
        column: the column, or a list of columns.
        rows: the rows as loaded, which decide whether lists are multi-hot.
    """

    def __init__(
        self, task: TaskConfig, source: TaskSource, column: str | list[str], rows: Dataset
    ):
        self.task, self.column = task, column
        self.decimal = source.decimal or "."
        if isinstance(column, list):
            self.cells: list[Any] = list(zip(*(rows[name][:] for name in column), strict=True))
            return
        self.cells = rows[column][:]
        feature = rows.features[column]
        self._names = LabelReader(task, source, column, feature)
        lists = (_try_items(cell, self._names) for cell in self.cells)
        self._are_flags = _holds_flags(
            feature, [items for items in lists if items is not None], task
        )

    def read(self, cell: Any) -> list[float]:
        """Return the multi-hot row of a cell, or of a tuple of cells of several columns.

        Raises:
            InputError: naming column and value.
        """
        if isinstance(self.column, list):
            return [_flag(value, name) for name, value in zip(self.column, cell, strict=True)]
        items = _items(cell, self._names)
        return (_multi_hot if self._are_flags else _from_names)(items, self._names)


def _flag(cell: Any, column: str) -> float:
    parsed = number(cell)
    flag = None if parsed is None else float(parsed)
    flag = _FLAGS.get(str(cell).strip().casefold(), flag)
    if flag not in (0.0, 1.0):
        raise InputError(
            f"column '{column}' has {truncated_repr(cell)}: must be 0 or 1, whether the row has "
            "this label"
        )
    return flag


def _items(cell: Any, reader: LabelReader) -> list[Any]:
    """Return the list of a cell."""
    if isinstance(cell, (list, tuple)):
        return list(cell)
    if isinstance(cell, str) and cell.strip():
        if cell.strip().startswith("[") and cell not in reader.index:
            try:
                return list(ast.literal_eval(cell.strip()))
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
                raise _no_list(cell, reader) from error
        separator = reader.source.label_separator
        if separator is None:
            return [cell.strip()]
        return [part.strip() for part in cell.split(separator) if part.strip()]
    raise _no_list(cell, reader)


def _try_items(cell: Any, reader: LabelReader) -> list[Any] | None:
    try:
        return _items(cell, reader)
    except InputError:  # raised again when the cell is read
        return None


def _no_list(cell: Any, reader: LabelReader) -> InputError:
    return InputError(
        f"column '{reader.column}' has {truncated_repr(cell)}: expected a list of labels, or a "
        "text with the field label_separator between them; [] for a row without any label"
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


def _multi_hot(items: list[Any], reader: LabelReader) -> list[float]:
    if len(items) != len(reader.labels):
        raise InputError(
            f"column '{reader.column}' has {len(items)} numbers, where other rows have a 0 or 1 "
            f"for each of the {len(reader.labels)} labels: {truncated_repr(items)}"
        )
    return [_flag(item, reader.column) for item in items]


def _from_names(items: list[Any], reader: LabelReader) -> list[float]:
    row = [0.0] * len(reader.labels)
    for item in items:
        try:
            index = reader.class_index(item)
        except InputError as error:
            if not isinstance(item, str) or reader.source.label_separator is not None:
                raise
            hint = "if a cell holds several labels, set the field label_separator"
            raise InputError(f"{error}; {hint}") from error
        if row[index]:
            raise InputError(
                f"column '{reader.column}' has the label '{reader.labels[index]}' twice: "
                f"{truncated_repr(items)}"
            )
        row[index] = 1.0
    return row

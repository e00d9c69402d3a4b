"""Mapping of a dataset's columns to checked columns `text`, `text_pair` and `label`."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from datasets import Dataset, Features, Value
from datasets import Sequence as SequenceFeature

from modeling_hybrid_mtl import TaskConfig
from trainer.data.labels import LabelReader, check_dataset_labels, find_decimal, number
from trainer.data.multi_labels import MultiLabelReader, check_label_columns
from trainer.data.readers import RawSplit
from trainer.data.soft_labels import SoftLabelReader, check_soft_loss, count_ties, is_soft
from trainer.data.task_source import TaskSource
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError, did_you_mean, join_truncated, truncated_repr

_NO_TEXT = "empty text"
_NO_WEIGHT = "invalid weight"
Reader = LabelReader | MultiLabelReader | SoftLabelReader
TEXT_COLUMNS = {"single": ("text",), "pair": ("text", "text_pair")}


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


class _BadRowError(InputError):
    """A row that `bad_rows: drop` leaves out, for a reason of a few words."""

    def __init__(self, message: str, reason: str):
        super().__init__(message)
        self.reason = reason


def check_split(
    name: str,
    task: TaskConfig,
    source: TaskSource,
    raw: RawSplit,
    *,
    partial: bool = False,
    weighted: bool = True,
    may_be_empty: bool = False,
) -> CheckedSplit:
    """Map, check and convert the columns of one split.

    Args:
        name: the task's name, for messages.
        task: the task's configuration, with its labels or score range.
        source: the column names and the treatment of bad rows.
        raw: the rows as loaded.
        partial: keep rows without a label, or with an invalid one if bad rows are dropped, with the
            label null, since the rows may have labels for other tasks.
        weighted: read the column of weights, if the source names one.

    Raises:
        InputError: for a missing column, a bad row (unless dropped), or a split without remaining
            rows, naming file, row and value.
    """
    check_dataset_labels(task, source)
    check_label_columns(task, source)
    columns = _resolve_columns(name, task, source, raw, weighted)
    rows = raw.rows.with_format(None)
    reader, labels = _reader_and_labels(task, source, columns["label"], raw)
    checked: list[dict[str, Any]] = []
    kept: list[int] = []
    dropped: list[DroppedRow] = []
    first_error = None
    cells = {key: labels if key == "label" else rows[columns[key]][:] for key in columns}
    for index, values in enumerate(zip(*cells.values(), strict=True)):
        row = dict(zip(columns, values, strict=True))
        try:
            checked.append(_check_row(row, columns, reader, partial))
            kept.append(index)
        except _BadRowError as error:
            message = f"{raw.place(index)}: {error}"
            if source.bad_rows == "error":
                raise InputError(message) from error
            first_error = first_error or message
            dropped.append(DroppedRow(name, *raw.file_and_row(index), error.reason))
            if partial and error.reason != _NO_TEXT:
                checked.append({**row, "label": None, "weight": None})
                kept.append(index)
    counts = dict(Counter(row.reason for row in dropped))
    if not checked and not may_be_empty:
        raise InputError(
            f"{raw.location}: no row is left for task '{name}' after dropping {counts}; the first "
            f"of them: {first_error}"
        )
    is_without_matches = not any(row["label"] for row in checked)
    if task.label_type == "match" and is_without_matches and not may_be_empty:
        raise InputError(f"{raw.location}: no row of task '{name}' has the label 1, of a match")
    groups = None if source.split_by is None else rows.select(kept)[source.split_by][:]
    table = {key: [row[key] for row in checked] for key in columns}
    return CheckedSplit(_to_dataset(table, reader, raw.location), counts, dropped, groups)


def _reader_and_labels(
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
            "the task's field 'decimal'",
            flush=True,
        )
    return replace(source, decimal=sign)


def _to_dataset(table: dict[str, list], reader: Reader, location: str) -> Dataset:
    """Return checked columns as a dataset; print how many soft labels have no single maximum."""
    soft, labels = isinstance(reader, SoftLabelReader), table["label"]
    ties = count_ties(labels) if soft else 0
    if ties:
        print(
            f"{location}: {ties} of {len(labels)} rows have several most probable labels, of which "
            "metrics use the first",
            flush=True,
        )
    return Dataset.from_dict(table, features=_features(reader.task, table, soft))


def _features(task: TaskConfig, columns: Iterable[str], soft: bool) -> Features:
    text = SequenceFeature(Value("string")) if task.reads_words else Value("string")
    is_index = task.output_type in ("class", "tags") and not soft
    label: Any = Value("int64" if is_index else "float32")
    if soft or task.output_type in ("tags", "labels"):
        label = SequenceFeature(label)
    features = {**dict.fromkeys(TEXT_COLUMNS["pair"], text), "label": label}
    features["weight"] = Value("float32")
    return Features({column: features[column] for column in columns})


def _resolve_columns(
    name: str, task: TaskConfig, source: TaskSource, raw: RawSplit, weighted: bool
) -> dict[str, Any]:
    keys = (*TEXT_COLUMNS[task.input], "label", "weight")
    for key in source.columns:
        if key not in keys:
            raise InputError(
                f"task '{name}': columns: '{key}' is not one of {', '.join(keys)}, the columns of "
                f"a task with input '{task.input}'.{did_you_mean(key, keys)}"
            )
    columns: dict[str, Any] = {key: source.columns.get(key, key) for key in keys if key != "weight"}
    if weighted and "weight" in source.columns:
        columns["weight"] = source.columns["weight"]
    if not (task.needs_labels or "label" in {*source.columns, *raw.rows.column_names}):
        columns["label"] = None
    for key, names in columns.items():
        for column in names if isinstance(names, list) else [names]:
            if column is not None and column not in raw.rows.column_names:
                raise InputError(
                    f"{raw.location}: there is no column '{column}' (found: "
                    f"{join_truncated(raw.rows.column_names)}); map it with "
                    f"--tasks.{name}.columns.{key}"
                )
    if source.split_by is not None and source.split_by not in raw.rows.column_names:
        raise InputError(
            f"{raw.location}: there is no column '{source.split_by}' (found: "
            f"{join_truncated(raw.rows.column_names)}); correct --tasks.{name}.split_by"
        )
    return columns


def _check_row(
    row: dict[str, Any],
    columns: Mapping[str, Any],
    reader: Reader,
    partial: bool,
) -> dict[str, Any]:
    """Return a row with its label converted, or null if it has none and `partial` allows it.

    Args:
        row: `text`, `text_pair` (pairs), `label` and maybe `weight` -> the cell.
        columns: the same keys -> the dataset's column, for messages.
        reader: of the labels.
    """
    task = reader.task
    for key in TEXT_COLUMNS[task.input]:
        if not _is_text(row[key], task.reads_words):
            raise _no_text(row[key], columns[key], task.reads_words)
    value = row["label"]
    if partial and (is_missing(value) or _is_ignored(value, reader)):
        return {**row, "label": None, "weight": None}
    row = {**row, "weight": _weight(row, columns, reader.decimal)}
    try:
        return {**row, "label": _label(value, reader, len(row["text"]))}
    except _BadRowError:
        raise
    except InputError as error:
        raise _BadRowError(str(error), _reason(value, reader)) from error


def _weight(row: Mapping[str, Any], columns: Mapping[str, Any], decimal: str) -> float | None:
    """Return the weight of a row, None if the source names no column of weights."""
    if "weight" not in columns:
        return None
    weight = number(row["weight"], decimal)
    if weight is None or weight < 0:
        raise _BadRowError(
            f"column '{columns['weight']}' is not a weight: {truncated_repr(row['weight'])}; "
            "expected a number, 0 or more",
            _NO_WEIGHT,
        )
    return float(weight)


def _no_text(value: Any, column: str, is_split: bool) -> _BadRowError:
    expected = "a list of words" if is_split else "text"
    hint = "lists need jsonl or parquet; " if is_split and isinstance(value, str) else ""
    return _BadRowError(
        f"column '{column}' is not {expected}: {truncated_repr(value)}; {hint}fix the row, or set "
        "bad_rows: drop for this task to skip such rows",
        _NO_TEXT,
    )


def _reason(value: Any, reader: Reader) -> str:
    """Return why a label is none of the task's."""
    if is_missing(value):
        return "missing label"
    if reader.task.label_type != "score":
        return "invalid label"
    is_number = number(value, reader.decimal) is not None
    return "score out of range" if is_number else "invalid score"


def _is_ignored(value: Any, reader: Reader) -> bool:
    """Return whether a value is -100 in place of a class."""
    if not reader.task.has_labels or isinstance(value, (list, tuple)):
        return False
    return number(value, reader.decimal) == IGNORED_LABEL


def is_missing(value: Any) -> bool:
    """Return whether a cell, or each of a tuple, is null, NaN or a text without characters."""
    if isinstance(value, tuple):
        return all(map(is_missing, value))
    is_nan = isinstance(value, float) and math.isnan(value)
    return value is None or is_nan or (isinstance(value, str) and not value.strip())


def _is_text(value: Any, is_split: bool) -> bool:
    if is_split:
        return (
            isinstance(value, (list, tuple))
            and bool(value)
            and all(isinstance(word, str) and word.strip() for word in value)
        )
    return isinstance(value, str) and bool(value.strip())


def _label(value: Any, reader: Reader, words: int) -> Any:
    """Return the class index, the multi-hot row, the score, or the tags of so many words."""
    if not isinstance(reader, LabelReader):
        return reader.read(value)
    if not reader.task.reads_words:
        read = reader.class_index if reader.labels else reader.score
        return read(value)
    if not isinstance(value, (list, tuple)):
        raise InputError(
            f"column '{reader.column}' must be a list of tags, got {truncated_repr(value)}"
        )
    tags = [reader.class_index(tag) for tag in value]
    if len(tags) != words:
        raise _BadRowError(f"{words} words but {len(tags)} tags", "number of tags")
    return tags

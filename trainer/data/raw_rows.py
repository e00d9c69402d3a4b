"""Checks of a row as it was read: its texts, its weight and its label."""

import math
from collections.abc import Mapping
from typing import Any

from trainer.data.label_column import Reader
from trainer.data.label_weights import MAX_WEIGHT
from trainer.data.labels import LabelReader, number
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError, truncated_repr

NO_TEXT = "empty text"
_NO_WEIGHT = "invalid weight"
TEXT_COLUMNS = {"single": ("text",), "pair": ("text", "text_pair")}


class BadRowError(InputError):
    """A row that `bad_rows: drop` leaves out, for a reason of a few words."""

    def __init__(self, message: str, reason: str):
        super().__init__(message)
        self.reason = reason


def check_row(
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
    except BadRowError:
        raise
    except InputError as error:
        raise BadRowError(str(error), _reason(value, reader)) from error


def _weight(row: Mapping[str, Any], columns: Mapping[str, Any], decimal: str) -> float | None:
    """Return the weight of a row, None if the source names no column of weights."""
    if "weight" not in columns:
        return None
    weight = number(row["weight"], decimal)
    if weight is None or not 0 <= weight <= MAX_WEIGHT:
        raise BadRowError(
            f"column '{columns['weight']}' is not a weight: {truncated_repr(row['weight'])}; "
            f"expected a number from 0 to {MAX_WEIGHT:g}",
            _NO_WEIGHT,
        )
    return float(weight)


def _no_text(value: Any, column: str, is_split: bool) -> BadRowError:
    expected = "a list of words" if is_split else "text"
    hint = "lists need jsonl or parquet; " if is_split and isinstance(value, str) else ""
    return BadRowError(
        f"column '{column}' is not {expected}: {truncated_repr(value)}; {hint}fix the row, or set "
        "bad_rows: drop for this task to skip such rows",
        NO_TEXT,
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
        raise BadRowError(f"{words} words but {len(tags)} tags", "number of tags")
    return tags

"""Rows that a trainer is given, checked: those of `tokenize`, with labels that the task has."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, IterableDataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError, listed, shown

_NO_LABEL = -1  # as in the test splits of GLUE


def check_is_mapping(place: str, given: Any) -> None:
    """Make sure that rows were given task by task.

    Raises:
        InputError: naming the argument and what it is instead.
    """
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise InputError(
            f"{place}: is one {kind}; expected the rows of each task, such as {{'sentiment': rows}}"
        )


def check_rows(place: str, name: str, rows: Any, task: TaskConfig) -> bool:
    """Make sure that a task's rows are what a trainer reads.

    Args:
        place: the argument they were given as, for messages.
        name: the task's.
        rows: of `trainer.data.tokenize`.
        task: says which columns there have to be, and what a label is.

    Returns:
        Whether they have labels. They have none without the column, or if none of them is there:
        all are null or -1, or of tokens -100.

    Raises:
        InputError: naming place, task and column, and of a label that is wrong its row.
    """
    where = f"{place}, task '{name}'"
    if not isinstance(rows, Dataset):
        hint = "; load it without streaming" if isinstance(rows, IterableDataset) else ""
        raise InputError(
            f"{where}: is a {type(rows).__name__}; expected a datasets.Dataset of tokenised "
            f"rows{hint}"
        )
    if not len(rows):
        raise InputError(f"{where}: has no rows")
    _check_columns(where, name, rows, task)
    if "labels" not in rows.column_names:
        return False
    return _has_labels(where, _column(rows, "labels"), _column(rows, "input_ids"), task)


def require_labels(place: str, name: str, rows: Dataset) -> InputError:
    """What to raise for rows whose labels are needed and not there."""
    hint = ""
    if "label" in rows.column_names and "labels" not in rows.column_names:
        hint = "; the column is called 'label'"
    return InputError(
        f"{place}, task '{name}': its rows have no labels (column 'labels'){hint}; predict answers "
        f"rows without any"
    )


def _column(rows: Dataset, name: str) -> pa.ChunkedArray:
    return rows.select_columns([name]).with_format("arrow")[:][name]


def _check_columns(where: str, name: str, rows: Dataset, task: TaskConfig) -> None:
    sides = ["input_ids", "pair_input_ids"] if task.is_siamese else ["input_ids"]
    for column in (*sides, "length"):
        if column not in rows.column_names:
            raise InputError(
                f"{where}: there is no column '{column}' (found: {listed(rows.column_names)}); "
                f"tokenise the rows with trainer.data.tokenize('{name}', rows, task, tokenizer, "
                f"max_length)"
            )
    if not task.is_siamese and "pair_input_ids" in rows.column_names:
        raise InputError(
            f"{where}: has pair_input_ids, the second texts of pairs that are encoded apart, which "
            f"the task does not read"
        )
    for column in sides:
        ids = _column(rows, column)
        if not (_is_list(ids.type) and pa.types.is_integer(ids.type.value_type)) or ids.null_count:
            raise InputError(f"{where}: column '{column}' must hold lists of token ids")
        mask = column.replace("input_ids", "attention_mask")
        if mask in rows.column_names and pc.min(pc.list_flatten(_column(rows, mask))).as_py() == 0:
            raise InputError(
                f"{where}: its rows are padded already; tokenise them without padding, batches are "
                f"padded when they are made"
            )


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _has_labels(
    where: str, labels: pa.ChunkedArray, ids: pa.ChunkedArray, task: TaskConfig
) -> bool:
    if pa.types.is_null(labels.type):
        return False
    if task.kind == "token_classification":
        return _has_tags(where, labels, ids, task)
    kind = labels.type
    if task.has_labels:
        readable = pa.types.is_integer(kind)
        values = labels.fill_null(_NO_LABEL).to_numpy() if readable else np.empty(0)
        valid = (values >= 0) & (values < len(task.labels or []))
        missing = values == _NO_LABEL
    else:
        readable = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        values = pc.cast(labels, pa.float64()).to_numpy() if readable else np.empty(0)
        low, high = task.score_range or (0.0, 0.0)
        margin = 1e-6 * max(abs(low), abs(high))  # a label may have been rounded to float32
        valid = (values >= low - margin) & (values <= high + margin)
        missing = np.isnan(values) | ((values == _NO_LABEL) & ~valid)
    if not readable:
        valid = missing = np.zeros(len(labels), dtype=bool)
        if labels.null_count == len(labels):
            return False
    return _judge(where, labels, valid, missing, _wanted(task))


def _has_tags(where: str, labels: pa.ChunkedArray, ids: pa.ChunkedArray, task: TaskConfig) -> bool:
    if not (_is_list(labels.type) and pa.types.is_integer(labels.type.value_type)):
        raise InputError(f"{where}: column 'labels' must hold a list of class indices for each row")
    if labels.null_count == len(labels):
        return False
    counts = [pc.list_value_length(column).fill_null(-1).to_numpy() for column in (labels, ids)]
    wrong = np.flatnonzero(counts[0] != counts[1])
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"{where}, row {row + 1}: {counts[1][row]} tokens but {max(counts[0][row], 0)} labels"
        )
    tags = pc.list_flatten(labels).fill_null(_NO_LABEL).to_numpy()
    unread = tags == IGNORED_LABEL
    valid = unread | ((tags >= 0) & (tags < len(task.labels or [])))
    missing = (tags == _NO_LABEL) | unread
    if missing.all():
        return False
    rows = np.repeat(np.arange(len(labels)), counts[0])
    bad = rows[~valid]
    if len(bad):
        row = int(bad[0])
        raise InputError(
            f"{where}, row {row + 1}: labels has {shown(labels[row].as_py())}; "
            f"{_wanted(task)}, or {IGNORED_LABEL} for a token that has none"
        )
    return True


def _judge(
    where: str, labels: pa.ChunkedArray, valid: np.ndarray, missing: np.ndarray, wanted: str
) -> bool:
    if missing.all():
        return False
    if valid.all():
        return True
    row = int(np.flatnonzero(~valid)[0])
    hint = " (no label, where other rows have one)" if missing[row] else ""
    raise InputError(
        f"{where}, row {row + 1}: column 'labels' has {shown(labels[row].as_py())}{hint}; {wanted}"
    )


def _wanted(task: TaskConfig) -> str:
    if task.has_labels:
        names = task.labels or []
        return f"labels of this task are the indices 0 to {len(names) - 1} of {_names(names)}"
    low, high = task.score_range or (0.0, 0.0)
    return f"scores of this task are numbers from {low:g} to {high:g}"


def _names(labels: Iterable[str]) -> str:
    return listed([repr(label) for label in labels])

"""Rows that a trainer is given, checked: those of `tokenize`, with labels that the task has."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, IterableDataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.given_tokens import (
    Limits,
    check_sequences,
    is_list_of_integers,
    row_of,
)
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError, join_truncated, truncated_repr

_NO_LABEL = -1  # as in the test splits of GLUE


def check_is_mapping(place: str, given: Any) -> None:
    """Make sure that rows were given task by task.

    Raises:
        InputError: naming the argument and what it is instead, or that nothing is in it.
    """
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise InputError(
            f"{place}: is one {kind}; expected the rows of each task, such as {{'sentiment': rows}}"
        )
    if not given:
        raise InputError(f"{place}: has no task; expected its rows, such as {{'sentiment': rows}}")


def check_rows(place: str, name: str, rows: Any, task: TaskConfig, limits: Limits) -> bool:
    """Make sure that a task's rows are what a trainer reads.

    Args:
        place: the argument they were given as, for messages.
        name: the task's.
        rows: of `trainer.data.tokenize`.
        task: says which columns there have to be, and what a label is.
        limits: what the encoder can read.

    Returns:
        Whether they have labels. They have none without the column, or if none of them is there:
        all are null or -1, or of tokens -100.

    Raises:
        InputError: naming place, task and column, and the row of a label that is wrong, or of
            tokens that the encoder cannot read.
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
    stored = rows.with_format("arrow")  # once, for it copies the object
    _check_columns(where, name, stored, task, limits)
    if "labels" not in rows.column_names:
        return False
    labels = stored["labels"]
    _check_names(where, rows.features["labels"], labels, task)
    return _has_labels(where, labels, stored["input_ids"], task)


def require_labels(place: str, name: str, rows: Dataset) -> InputError:
    """What to raise for rows whose labels are needed and not there."""
    hint = ""
    if "label" in rows.column_names and "labels" not in rows.column_names:
        hint = "; the column is called 'label'"
    return InputError(
        f"{place}, task '{name}': its rows have no labels (column 'labels'){hint}; predict answers "
        f"rows without any"
    )


def _check_columns(where: str, name: str, rows: Dataset, task: TaskConfig, limits: Limits) -> None:
    sides = ["input_ids", "pair_input_ids"] if task.is_siamese else ["input_ids"]
    for column in (*sides, "length"):
        if column not in rows.column_names:
            raise InputError(
                f"{where}: there is no column '{column}' (found: "
                f"{join_truncated(rows.column_names)}); tokenise the rows with "
                f"trainer.data.tokenize('{name}', rows, task, tokenizer, max_length)"
            )
    if not task.is_siamese and "pair_input_ids" in rows.column_names:
        raise InputError(
            f"{where}: has pair_input_ids, the second texts of pairs that are encoded apart, which "
            f"the task does not read"
        )
    for column in sides:
        check_sequences(where, rows, column.removesuffix("input_ids"), limits)


def _check_names(where: str, feature: Any, labels: pa.ChunkedArray, task: TaskConfig) -> None:
    """Make sure that the names which a column's type gives its numbers are those of the task."""
    in_lists = hasattr(feature, "feature")
    inner = feature.feature if in_lists else feature
    values = pc.list_flatten(labels) if in_lists else labels
    if not isinstance(inner, ClassLabel) or (pc.max(values).as_py() or 0) < 0:
        return
    own, names = task.labels or [], inner.names
    # Names that are their own indices say nothing, unless the task's labels are such numbers.
    plain = names == [str(i) for i in range(len(names))] and not set(names) & set(own)
    if plain or (own and all(a == b for a, b in zip(names, own, strict=False))):
        return
    indices = join_truncated([f"{label!r}: {i}" for i, label in enumerate(own)])
    how = f"map them first with rows.align_labels_with_mapping({{{indices}}}, 'labels'); or, if"
    if in_lists:  # in which -100 has no name
        how = "map them before the rows are tokenised; or, if"
    kind = "List(Value('int64'))" if in_lists else "Value('int64')"
    raise InputError(
        f"{where}: the type of column 'labels' calls its numbers {_names(names)}, and this task "
        f"has {f'the labels {_names(own)}; {how}' if own else 'scores; if'} the numbers are right "
        f"as they are, take the names off with rows.cast_column('labels', {kind})"
    )


def _has_labels(
    where: str, labels: pa.ChunkedArray, ids: pa.ChunkedArray, task: TaskConfig
) -> bool:
    if pa.types.is_null(labels.type):
        return False
    if task.reads_words:
        return _has_tags(where, labels, ids, task)
    kind = labels.type
    readable = pa.types.is_integer(kind) or (pa.types.is_floating(kind) and not task.has_labels)
    if not readable:
        valid = missing = np.zeros(len(labels), dtype=bool)
        if labels.null_count == len(labels):
            return False
    elif task.has_labels:
        values = labels.fill_null(0).to_numpy()
        missing = labels.is_null().to_numpy() | (values == _NO_LABEL)
        valid = ~missing & (values >= 0) & (values < len(task.labels or []))
    else:
        values = pc.cast(labels, pa.float64(), safe=False).to_numpy()
        low, high = task.score_range or (0.0, 0.0)
        margin = 1e-6 * max(abs(low), abs(high))  # a label may have been rounded to float32
        valid = (values >= low - margin) & (values <= high + margin)
        missing = np.isnan(values) | ((values == _NO_LABEL) & ~valid)
    return _judge(where, labels, valid, missing, _wanted(task))


def _has_tags(where: str, labels: pa.ChunkedArray, ids: pa.ChunkedArray, task: TaskConfig) -> bool:
    if not is_list_of_integers(labels.type):
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
    flat = pc.list_flatten(labels)
    null, tags = flat.is_null().to_numpy(), flat.fill_null(0).to_numpy()
    unread = tags == IGNORED_LABEL
    valid = unread | (~null & (tags >= 0) & (tags < len(task.labels or [])))
    missing = null | (tags == _NO_LABEL) | unread
    if missing.all():
        return False
    if not valid.all():
        row = row_of(int(np.argmin(valid)), counts[0])
        raise InputError(
            f"{where}, row {row + 1}: labels has {truncated_repr(labels[row].as_py())}; "
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
        f"{where}, row {row + 1}: column 'labels' has {truncated_repr(labels[row].as_py())}{hint}; "
        f"{wanted}"
    )


def _wanted(task: TaskConfig) -> str:
    if task.has_labels:
        names = task.labels or []
        return f"labels of this task are the indices 0 to {len(names) - 1} of {_names(names)}"
    low, high = task.score_range or (0.0, 0.0)
    return f"scores of this task are numbers from {low:g} to {high:g}"


def _names(labels: Iterable[str]) -> str:
    return join_truncated([repr(label) for label in labels])

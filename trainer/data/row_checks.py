"""Checks of tokenized rows passed to a trainer, and of their labels."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, IterableDataset

from modeling_hybrid_mtl import TaskConfig
from trainer.data.partial_labels import label_column
from trainer.data.soft_labels import SoftLabelReader, check_soft_loss
from trainer.data.token_checks import (
    Limits,
    check_sequences,
    is_list,
    is_list_of_integers,
    row_of,
)
from trainer.data.tokens import IGNORED_LABEL
from trainer.errors import InputError, join_truncated, truncated_repr

_NO_LABEL = -1  # as in the test splits of GLUE


def check_is_mapping(argument: str, rows_by_task: Any) -> None:
    """Check that an argument maps at least one task to its rows.

    Raises:
        InputError: naming the argument and its type.
    """
    if not isinstance(rows_by_task, Mapping):
        kind = type(rows_by_task).__name__
        raise InputError(
            f"{argument}: is one {kind}; expected the rows of each task, such as "
            f"{{'sentiment': rows}}"
        )
    if not rows_by_task:
        raise InputError(
            f"{argument}: has no task; expected its rows, such as {{'sentiment': rows}}"
        )


def check_rows(argument: str, name: str, rows: Any, task: TaskConfig, limits: Limits) -> bool:
    """Check the rows of a task that were passed to a trainer.

    Args:
        argument: the name of the trainer's argument, for messages.
        name: the task's name.
        rows: rows as returned by `trainer.data.tokenize`.
        task: the task's configuration, which determines columns and labels.
        limits: the encoder's limits.

    Returns:
        Whether any row has a label. Null, NaN and -100 mean that a row has none; so does -1 if no
        row has any.

    Raises:
        InputError: naming argument, task and column, and the row of an invalid label or of tokens
            beyond the encoder's limits.
    """
    where = f"{argument}, task '{name}'"
    if not isinstance(rows, Dataset):
        hint = "; load it without streaming" if isinstance(rows, IterableDataset) else ""
        raise InputError(
            f"{where}: is a {type(rows).__name__}; expected a datasets.Dataset of tokenized "
            f"rows{hint}"
        )
    if not len(rows):
        raise InputError(f"{where}: has no rows")
    stored = rows.with_format("arrow")  # once: it copies the object
    _check_columns(where, name, stored, task, limits)
    column = label_column(rows.column_names, name)
    if column is None:
        return False
    labels = stored[column]
    _check_names(where, rows.features[column], labels, task)
    return _has_labels(where, labels, stored["input_ids"], task)


def missing_labels_error(argument: str, name: str, rows: Dataset) -> InputError:
    """Return the error for rows without the labels that training or evaluation needs."""
    hint = ""
    if "label" in rows.column_names and "labels" not in rows.column_names:
        hint = "; the column is called 'label'"
    return InputError(
        f"{argument}, task '{name}': its rows have no labels (column 'labels'){hint}; only predict "
        f"accepts rows without labels"
    )


def _check_columns(where: str, name: str, rows: Dataset, task: TaskConfig, limits: Limits) -> None:
    sides = ["input_ids", "pair_input_ids"] if task.is_siamese else ["input_ids"]
    for column in (*sides, "length"):
        if column not in rows.column_names:
            raise InputError(
                f"{where}: there is no column '{column}' (found: "
                f"{join_truncated(rows.column_names)}); tokenize the rows with "
                f"trainer.data.tokenize('{name}', rows, task, tokenizer, max_length)"
            )
    if not task.is_siamese and "pair_input_ids" in rows.column_names:
        raise InputError(
            f"{where}: has pair_input_ids, the second texts of separately encoded pairs, which "
            f"the task does not use"
        )
    for column in sides:
        check_sequences(where, rows, column.removesuffix("input_ids"), limits)


def _check_names(where: str, feature: Any, labels: pa.ChunkedArray, task: TaskConfig) -> None:
    """Check that the class names in a column's type are those of the task."""
    in_lists = hasattr(feature, "feature")
    inner = feature.feature if in_lists else feature
    values = pc.list_flatten(labels) if in_lists else labels
    if not isinstance(inner, ClassLabel) or (pc.max(values).as_py() or 0) < 0:
        return
    task_labels, names = task.labels or [], inner.names
    # Names that equal their indices are ignored, unless the task's labels are such numbers.
    are_indices = names == [str(i) for i in range(len(names))] and not set(names) & set(task_labels)
    if are_indices or (
        task_labels and all(a == b for a, b in zip(names, task_labels, strict=False))
    ):
        return
    indices = join_truncated([f"{label!r}: {i}" for i, label in enumerate(task_labels)])
    advice = f"map them first with rows.align_labels_with_mapping({{{indices}}}, 'labels'); or, if"
    if in_lists:  # in which -100 has no name
        advice = "map them before the rows are tokenized; or, if"
    expected = f"the labels {_quoted(task_labels)}; {advice}" if task_labels else "scores; if"
    kind = "List(Value('int64'))" if in_lists else "Value('int64')"
    raise InputError(
        f"{where}: the type of column 'labels' names its numbers {_quoted(names)}, and this task "
        f"has {expected} the numbers are right as they are, remove the names with "
        f"rows.cast_column('labels', {kind})"
    )


def _has_labels(
    where: str, labels: pa.ChunkedArray, ids: pa.ChunkedArray, task: TaskConfig
) -> bool:
    if pa.types.is_null(labels.type):
        return False
    if task.reads_words:
        return _has_tags(where, labels, ids, task)
    if task.output_type == "labels":
        return _has_multi_hot(where, labels, task)
    if task.output_type == "class" and is_list(labels.type):
        return _has_probabilities(where, labels, task)
    kind = labels.type
    readable = pa.types.is_integer(kind) or (pa.types.is_floating(kind) and not task.has_labels)
    if labels.null_count == len(labels):
        return False
    absent = labels.is_null().to_numpy()
    if not readable:
        valid = no_label = np.zeros(len(labels), dtype=bool)
    elif task.has_labels:
        values = labels.fill_null(0).to_numpy()
        absent |= values == IGNORED_LABEL
        valid = (values >= 0) & (values < len(task.labels or []))
        no_label = values == _NO_LABEL
    else:
        values = pc.cast(labels, pa.float64(), safe=False).to_numpy()
        absent |= np.isnan(values)
        low, high = task.score_range or (0.0, 0.0)
        margin = 1e-6 * max(abs(low), abs(high))  # a label may have been rounded to float32
        valid = (values >= low - margin) & (values <= high + margin)
        if task.label_type == "match":
            valid = np.isin(values, (0, 1))
        no_label = (values == _NO_LABEL) & ~valid
    if (absent | no_label).all():
        return False
    if (absent | valid).all():
        return True
    row = int(np.flatnonzero(~(absent | valid))[0])
    hint = " (no label, where other rows have one)" if no_label[row] else ""
    raise InputError(
        f"{where}, row {row + 1}: column 'labels' has {truncated_repr(labels[row].as_py())}{hint}; "
        f"{_valid_labels(task)}"
    )


def _has_tags(where: str, labels: pa.ChunkedArray, ids: pa.ChunkedArray, task: TaskConfig) -> bool:
    if not is_list_of_integers(labels.type):
        raise InputError(f"{where}: column 'labels' must hold a list of class indices for each row")
    if labels.null_count == len(labels):
        return False
    counts = [pc.list_value_length(column).fill_null(-1).to_numpy() for column in (labels, ids)]
    wrong = np.flatnonzero((counts[0] != counts[1]) & labels.is_valid().to_numpy())
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"{where}, row {row + 1}: {counts[1][row]} tokens but {max(counts[0][row], 0)} labels"
        )
    flat = pc.list_flatten(labels)
    null, tags = flat.is_null().to_numpy(), flat.fill_null(0).to_numpy()
    ignored = tags == IGNORED_LABEL
    valid = ignored | (~null & (tags >= 0) & (tags < len(task.labels or [])))
    missing = null | (tags == _NO_LABEL) | ignored
    if missing.all():
        return False
    if not valid.all():
        row = row_of(int(np.argmin(valid)), np.maximum(counts[0], 0))
        raise InputError(
            f"{where}, row {row + 1}: labels has {truncated_repr(labels[row].as_py())}; "
            f"{_valid_labels(task)}, or {IGNORED_LABEL} for a token without a label"
        )
    return True


def _has_multi_hot(where: str, labels: pa.ChunkedArray, task: TaskConfig) -> bool:
    if labels.null_count == len(labels):
        return False
    kind: Any = labels.type
    if not is_list(kind) or not (
        pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type)
    ):
        raise InputError(f"{where}: column 'labels' must hold a list of numbers for each row")
    count = len(task.labels or [])
    absent = labels.is_null().to_numpy()
    lengths = pc.list_value_length(labels).fill_null(-1).to_numpy()
    flat = pc.list_flatten(labels).fill_null(-1).to_numpy()
    valid = absent | (lengths == count)
    if valid.all():
        valid[~absent] = np.isin(flat, (0, 1)).reshape(-1, count).all(axis=1)
    if not valid.all():
        row = int(np.argmin(valid))
        raise InputError(
            f"{where}, row {row + 1}: column 'labels' has {truncated_repr(labels[row].as_py())}; "
            f"{_valid_labels(task)}"
        )
    return True


def _has_probabilities(where: str, labels: pa.ChunkedArray, task: TaskConfig) -> bool:
    check_soft_loss(where, task)
    reader = SoftLabelReader(task, "labels", None)
    known = 0
    for index, label in enumerate(labels.to_pylist()):
        if label is None:
            continue
        known += 1
        try:
            reader.read(label)
        except InputError as error:
            raise InputError(f"{where}, row {index + 1}: {error}") from error
    return known > 0


def _valid_labels(task: TaskConfig) -> str:
    if task.output_type == "labels":
        names = task.labels or []
        return f"expected 0 or 1 for each of the {len(names)} labels {_quoted(names)}"
    if task.has_labels:
        names = task.labels or []
        return f"labels of this task are the indices 0 to {len(names) - 1} of {_quoted(names)}"
    if task.label_type == "match":
        return "labels of this task are 1 for two texts that match, and 0"
    low, high = task.score_range or (0.0, 0.0)
    return f"scores of this task are numbers from {low:g} to {high:g}"


def _quoted(labels: Iterable[str]) -> str:
    return join_truncated([repr(label) for label in labels])

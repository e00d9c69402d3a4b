"""Mapping of a dataset's columns to checked columns `text`, `text_pair` and `label`."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from datasets import Dataset, Features, Value
from datasets import Sequence as SequenceFeature

from modeling_hybrid_mtl import TaskConfig
from trainer.data.checked_split import CheckedSplit, DroppedRow
from trainer.data.label_column import Reader, reader_and_labels
from trainer.data.labels import check_dataset_labels
from trainer.data.multi_labels import check_label_columns
from trainer.data.raw_rows import NO_TEXT, TEXT_COLUMNS, BadRowError, check_row
from trainer.data.readers import RawSplit
from trainer.data.soft_labels import SoftLabelReader, count_ties
from trainer.data.task_source import TaskSource
from trainer.errors import InputError, did_you_mean, join_truncated


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
    reader, labels = reader_and_labels(task, source, columns["label"], raw)
    checked: list[dict[str, Any]] = []
    kept: list[int] = []
    dropped: list[DroppedRow] = []
    first_error = None
    cells = {key: labels if key == "label" else rows[columns[key]][:] for key in columns}
    for index, values in enumerate(zip(*cells.values(), strict=True)):
        row = dict(zip(columns, values, strict=True))
        try:
            checked.append(check_row(row, columns, reader, partial))
            kept.append(index)
        except BadRowError as error:
            message = f"{raw.place(index)}: {error}"
            if source.bad_rows == "error":
                raise InputError(message) from error
            first_error = first_error or message
            dropped.append(DroppedRow(name, *raw.file_and_row(index), error.reason))
            if partial and error.reason != NO_TEXT:
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
                    f"--tasks.{name}.columns.{key}.{did_you_mean(column, raw.rows.column_names)}"
                )
    if source.split_by is not None and source.split_by not in raw.rows.column_names:
        raise InputError(
            f"{raw.location}: there is no column '{source.split_by}' (found: "
            f"{join_truncated(raw.rows.column_names)}); correct --tasks.{name}.split_by"
        )
    return columns

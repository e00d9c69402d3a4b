"""Mapping of a dataset's columns to checked columns `text`, `text_pair` and `label`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset, Features, Value
from datasets import Sequence as SequenceFeature

from modeling_hybrid_mtl import TaskConfig
from trainer.data.labels import LabelReader, check_dataset_labels
from trainer.data.multi_labels import check_label_columns, read_multi_labels
from trainer.data.sources import RawSplit, TaskSource
from trainer.errors import InputError, did_you_mean, join_truncated, truncated_repr

TEXT_COLUMNS = {"single": ("text",), "pair": ("text", "text_pair")}


@dataclass
class CheckedSplit:
    """Rows with the columns `text`, `text_pair` (pairs) and `label`.

    Attributes:
        rows: the rows.
        dropped: reason -> number of dropped rows.
    """

    rows: Dataset
    dropped: dict[str, int]


def check_split(name: str, task: TaskConfig, source: TaskSource, raw: RawSplit) -> CheckedSplit:
    """Map, check and convert the columns of one split.

    Args:
        name: the task's name, for messages.
        task: the task's configuration, with its labels or score range.
        source: the column names and the treatment of empty texts.
        raw: the rows as loaded.

    Raises:
        InputError: for a missing column, an empty text (unless dropped), a missing or invalid
            label, or a split without remaining rows, naming file, row and value.
    """
    check_dataset_labels(task, source)
    check_label_columns(task, source)
    columns = _resolve_columns(name, task, source, raw)
    rows = raw.rows.with_format(None)
    texts = {key: rows[columns[key]][:] for key in TEXT_COLUMNS[task.input]}
    kept, dropped = _rows_with_text(texts, columns, source, raw.location, task)
    table = {key: [values[i] for i in kept] for key, values in texts.items()}
    if task.output_type == "labels":
        where = columns["label"], rows, kept, raw.location
        table["label"] = read_multi_labels(task, source, *where)
    else:
        labels = rows[columns["label"]][:]
        reader = LabelReader(task, source, columns["label"], rows.features[columns["label"]])
        table["label"] = [_label(labels[i], reader, f"{raw.location}, row {i + 1}") for i in kept]
    if task.reads_words:
        _check_tag_counts(table, kept, raw.location)
    if not kept:
        raise InputError(
            f"{raw.location}: no row is left for task '{name}' after dropping {dropped}"
        )
    return CheckedSplit(Dataset.from_dict(table, features=_features(task)), dropped)


def _features(task: TaskConfig) -> Features:
    text = SequenceFeature(Value("string")) if task.reads_words else Value("string")
    label: Any = Value("int64" if task.output_type in ("class", "tags") else "float32")
    if task.output_type in ("tags", "labels"):
        label = SequenceFeature(label)
    return Features({**dict.fromkeys(TEXT_COLUMNS[task.input], text), "label": label})


def _resolve_columns(
    name: str, task: TaskConfig, source: TaskSource, raw: RawSplit
) -> dict[str, Any]:
    keys = (*TEXT_COLUMNS[task.input], "label")
    for key in source.columns:
        if key not in keys:
            raise InputError(
                f"task '{name}': columns: '{key}' is not one of {', '.join(keys)}, the columns of "
                f"a task with input '{task.input}'.{did_you_mean(key, keys)}"
            )
    columns = {key: source.columns.get(key, key) for key in keys}
    for key, names in columns.items():
        for column in names if isinstance(names, list) else [names]:
            if column not in raw.rows.column_names:
                raise InputError(
                    f"{raw.location}: there is no column '{column}' (found: "
                    f"{join_truncated(raw.rows.column_names)}); map it with "
                    f"--tasks.{name}.columns.{key}"
                )
    return columns


def _rows_with_text(
    texts: dict[str, Sequence],
    columns: dict[str, str],
    source: TaskSource,
    location: str,
    task: TaskConfig,
) -> tuple[list[int], dict[str, int]]:
    is_split = task.reads_words
    kept: list[int] = []
    dropped = 0
    for row in range(len(next(iter(texts.values())))):
        empty = [key for key, values in texts.items() if not _is_text(values[row], is_split)]
        if not empty:
            kept.append(row)
        elif source.empty_text == "drop":
            dropped += 1
        else:
            value = texts[empty[0]][row]
            expected = "a list of words" if is_split else "text"
            hint = "lists need jsonl or parquet; " if is_split and isinstance(value, str) else ""
            raise InputError(
                f"{location}, row {row + 1}: column '{columns[empty[0]]}' is not {expected}: "
                f"{truncated_repr(value)}; {hint}fix the row, or set empty_text: drop for this "
                "task to skip such rows"
            )
    return kept, {"empty text": dropped} if dropped else {}


def _is_text(value: Any, is_split: bool) -> bool:
    if is_split:
        return (
            isinstance(value, (list, tuple))
            and bool(value)
            and all(isinstance(word, str) and word.strip() for word in value)
        )
    return isinstance(value, str) and bool(value.strip())


def _label(value: Any, reader: LabelReader, location: str) -> Any:
    if reader.task.reads_words:
        if not isinstance(value, (list, tuple)):
            raise InputError(
                f"{location}: column '{reader.column}' must be a list of tags, got "
                f"{truncated_repr(value)}"
            )
        return [reader.class_index(tag, location) for tag in value]
    if reader.task.has_labels:
        return reader.class_index(value, location)
    return reader.score(value, location)


def _check_tag_counts(table: dict[str, list], kept: list[int], location: str) -> None:
    for row, words, tags in zip(kept, table["text"], table["label"], strict=True):
        if len(words) != len(tags):
            raise InputError(f"{location}, row {row + 1}: {len(words)} words but {len(tags)} tags")

"""Tokenized rows of tables in memory or files, for `HybridMTLTrainer`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, TaskConfig
from trainer.data.columns import check_split
from trainer.data.readers import RawSplit, read_split, to_rows
from trainer.data.streaming import stream_rows
from trainer.data.task_source import TaskSource
from trainer.data.tokens import tokenize
from trainer.errors import InputError, did_you_mean


def prepare(
    tables: Mapping[str, Any],
    config: HybridMTLConfig,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int = 128,
    sources: Mapping[str, TaskSource] | None = None,
) -> dict[str, Any]:
    """Check and tokenize the rows of tasks as a run does.

    Args:
        tables: task -> a data frame of pandas or polars, a `datasets.Dataset`, a list of mappings
            or a mapping of lists (see `to_rows`), or the location of files or a database.
        config: the model's configuration, with its tasks.
        tokenizer: the backbone's tokenizer.
        max_length: maximum tokens of a sequence, including special tokens.
        sources: task -> names of columns, class names in the data, treatment of empty texts, and
            dialect of files; `text`, `text_pair` and `label` by default.

    Returns:
        Task -> tokenized rows, a `datasets.Dataset` for a trainer's `train_dataset` or
            `eval_dataset`; or with `streaming`, `StreamedRows` for its `train_dataset`.

    Raises:
        InputError: for an unknown task, or for rows that do not fit theirs, naming task and row.
    """
    prepared: dict[str, Any] = {}
    for name, table in tables.items():
        if name not in config.tasks:
            known = ", ".join(config.tasks)
            raise InputError(
                f"no task '{name}' in this model ({known}).{did_you_mean(name, config.tasks)}"
            )
        source, task = (sources or {}).get(name, TaskSource()), config.task(name)
        if source.streaming:
            rows = table if isinstance(table, (str, Path)) else _raw(name, table, source)
            prepared[name] = stream_rows(name, task, source, rows, tokenizer, max_length)
        else:
            checked = _checked(name, task, source, _raw(name, table, source))
            prepared[name] = tokenize(name, checked, task, tokenizer, max_length)
    return prepared


def _checked(name: str, task: TaskConfig, source: TaskSource, raw: RawSplit) -> Dataset:
    checked = check_split(name, task, source, raw)
    for reason, count in checked.dropped.items():
        print(f"task '{name}': {count} rows dropped ({reason})", flush=True)
    return checked.rows


def _raw(name: str, table: Any, source: TaskSource) -> RawSplit:
    if isinstance(table, (str, Path)):
        return read_split(table, source.read_options, source.column_names)
    try:
        return RawSplit(to_rows(table), f"rows of task '{name}'")
    except InputError as error:
        raise InputError(f"task '{name}': {error}") from error

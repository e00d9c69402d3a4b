"""A run's data: read, checked, augmented and tokenized, task by task."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from trainer.config.tasks import TaskEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data import tokenize
from trainer.data.augmentation import augment
from trainer.data.cache import cache_folder
from trainer.data.checked_split import CheckedSplit, DroppedRow
from trainer.data.origin import DataOrigin, origin_of
from trainer.data.overlap import Overlap, find_overlap
from trainer.data.raw_rows import TEXT_COLUMNS
from trainer.data.streaming import StreamedRows, stream_rows
from trainer.data.task_locations import location_of
from trainer.loading.shared_tables import group_by_table, shares_tokens, with_labels
from trainer.loading.task_splits import Fold, default_dataset, load, load_table


@dataclass
class PreparedData:
    """Every task's tokenized rows and their origin, with counts of dropped and added rows.

    Attributes:
        train: task -> tokenized rows, or a stream of them.
        validation, test: task -> tokenized rows; only some tasks have test rows.
        validation_texts: task -> validation rows before they are tokenized.
        dropped: task -> `SPLIT: REASON` -> number of dropped rows.
        dropped_rows: the dropped rows of files and Hub splits.
        augmented: task -> number of added training rows.
        origins: task -> origin of its rows.
        overlaps: task -> `validation` or `test` -> the rows shared with training.
    """

    train: dict[str, Dataset | StreamedRows] = field(default_factory=dict)
    validation: dict[str, Dataset] = field(default_factory=dict)
    test: dict[str, Dataset] = field(default_factory=dict)
    validation_texts: dict[str, Dataset] = field(default_factory=dict)
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    dropped_rows: list[DroppedRow] = field(default_factory=list)
    augmented: dict[str, int] = field(default_factory=dict)
    origins: dict[str, DataOrigin] = field(default_factory=dict)
    overlaps: dict[str, dict[str, Overlap]] = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, dict[str, Any]]:
        """Return split -> task -> tokenized rows, without empty splits."""
        splits = (("train", self.train), ("validation", self.validation), ("test", self.test))
        return {part: dict(tasks) for part, tasks in splits if tasks}

    @property
    def fingerprints(self) -> dict[str, dict[str, str]]:
        """Return split -> task -> a key that equal rows with equal tokens share."""
        return {
            part: {name: _fingerprint(rows) for name, rows in tasks.items()}
            for part, tasks in self.splits.items()
        }

    def record_dropped(self, task: str, part: str, split: CheckedSplit) -> None:
        """Add the dropped rows of a split."""
        for reason, count in split.dropped.items():
            self.dropped.setdefault(task, {})[f"{part}: {reason}"] = count
        self.dropped_rows += split.dropped_rows


def _fingerprint(rows: Dataset | StreamedRows) -> str:
    return rows.fingerprint if isinstance(rows, StreamedRows) else rows._fingerprint


def prepare_data(
    tasks: Mapping[str, TaskEntry],
    data_dir: str | None,
    tokenizer: PreTrainedTokenizerBase,
    args: HybridMTLTrainingArguments,
    *,
    parts: Sequence[str] = ("train", "validation"),
    names: Collection[str] | None = None,
    fold: Fold | None = None,
) -> PreparedData:
    """Load, check and tokenize every task's splits; all are checked before any is tokenized.

    Args:
        tasks: every task of the run.
        data_dir: the run's folder of data, if any.
        tokenizer: the backbone's, with its `model_max_length`.
        args: the seed of the data, and the processes and device of the run.
        parts: the splits to prepare; tasks without labeled test rows are left out of `test`.
        names: the tasks to prepare; all if None.
        fold: the fold of the training rows to evaluate on, instead of the validation rows.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    cache_folder()  # before anything is read for it
    names = [name for name in tasks if names is None or name in names]
    for name in names:
        tasks[name].derived.check()
    tables, checked = _check_parts(tasks, names, parts, data_dir, args, fold)
    prepared = {name: tasks[name] for name in names}
    return _tokenize_parts(prepared, tables, checked, data_dir, tokenizer, args)


def _tokenize_parts(
    tasks: Mapping[str, TaskEntry],
    tables: Mapping[str, list[str]],
    checked: Mapping[str, Mapping[str, CheckedSplit]],
    data_dir: str | None,
    tokenizer: PreTrainedTokenizerBase,
    args: HybridMTLTrainingArguments,
) -> PreparedData:
    """Return the tokens of checked splits, with augmented training rows, and their records.

    Args:
        tasks: the tasks to prepare.
        tables: task -> the tasks with the same training texts, if there are several.
        checked: split -> task -> checked rows.
        data_dir, tokenizer, args: as for `prepare_data`.
    """
    names, parts = list(tasks), list(checked)
    data = PreparedData()
    for name, part in product(names, parts):
        if part == "train" and tasks[name].source.streaming:
            data.train[name] = _stream(name, tasks[name], data_dir, tokenizer)
        if name not in checked[part]:
            continue
        entry, rows = tasks[name], checked[part][name].labeled().rows
        data.record_dropped(name, part, checked[part][name])
        if part == "train" and entry.augmentation.augmentation:
            augmented = _augmented(name, entry, rows, args)
            data.augmented[name] = len(augmented) - len(rows)
            rows = augmented
        if part == "validation":
            data.validation_texts[name] = rows
        if part != "train" or name not in tables:
            getattr(data, part)[name] = _tokenized(f"{name} {part}", rows, entry, tokenizer)
        elif name not in data.train:
            splits = {task: checked["train"][task] for task in tables[name]}
            tokens = _table_tokens(splits, entry, tokenizer)
            data.train |= dict.fromkeys(splits, tokens)
        data.origins[name] = origin_of(name, entry.source, entry.derived, data_dir)
    data.overlaps = _overlaps(names, checked)
    return data


def _stream(
    name: str, entry: TaskEntry, data_dir: str | None, tokenizer: PreTrainedTokenizerBase
) -> StreamedRows:
    """Return the training rows of a task, to be read while training."""
    files = location_of(name, entry.source, "train", data_dir, default_dataset(name))
    location = load(name, entry.source, "train", data_dir) if files is None else files
    limit = tokenizer.model_max_length
    rows = stream_rows(name, entry.model, entry.source, location, tokenizer, limit)
    print(
        f"{name}: the training rows are streamed from {rows.location}, in windows of "
        f"{rows.shuffle_buffer}; they are neither counted nor compared with those of other splits",
        flush=True,
    )
    return rows


def _table_tokens(
    splits: Mapping[str, CheckedSplit], entry: TaskEntry, tokenizer: PreTrainedTokenizerBase
) -> Dataset:
    """Return the tokens of a table, with a column of labels for each of its tasks."""
    rows = next(iter(splits.values())).rows
    texts = rows.select_columns(list(TEXT_COLUMNS[entry.model.input]))
    names = ", ".join(splits)
    print(f"{names}: share the {len(texts)} texts of one table", flush=True)
    labeled = with_labels(_tokenized(f"{names} train", texts, entry, tokenizer), splits)
    if len(labeled) < len(texts):
        count = len(texts) - len(labeled)
        print(f"{names}: {count} training rows without any label are left out", flush=True)
    return labeled


def _tokenized(
    place: str, rows: Dataset, entry: TaskEntry, tokenizer: PreTrainedTokenizerBase
) -> Dataset:
    limit = tokenizer.model_max_length
    tokens = tokenize(place, rows, entry.model, tokenizer, limit)
    warn_truncated(place, tokens["truncated"][:], limit)
    return tokens


def _overlaps(
    names: Collection[str], checked: Mapping[str, Mapping[str, CheckedSplit]]
) -> dict[str, dict[str, Overlap]]:
    """Return task -> split -> the rows that it shares with training; print each."""
    overlaps: dict[str, dict[str, Overlap]] = {}
    for name, part in product(names, ("validation", "test")):
        if name not in checked.get(part, {}) or name not in checked.get("train", {}):
            continue
        found = find_overlap(checked["train"][name].rows, checked[part][name].rows)
        if found is not None:
            overlaps.setdefault(name, {})[part] = found
            print(
                f"warning: task '{name}': {found.describe(part)}: its {part} metrics may be too "
                "high; validation_split: 0.1 holds out rows that share no text",
                flush=True,
            )
    return overlaps


def warn_truncated(place: str, truncated: Sequence[bool], max_length: int) -> None:
    """Print how many rows have a truncated text, if there are any."""
    if any(truncated):
        print(
            f"{place}: {sum(truncated)} of {len(truncated)} rows have more than {max_length} "
            "tokens; the rest of their texts is not read",
            flush=True,
        )


def _check_parts(
    tasks: Mapping[str, TaskEntry],
    names: Collection[str],
    parts: Sequence[str],
    data_dir: str | None,
    args: HybridMTLTrainingArguments,
    fold: Fold | None,
) -> tuple[dict[str, list[str]], dict[str, dict[str, CheckedSplit]]]:
    """Return the checked rows, also of the source tasks of generated labels.

    Training rows that are streamed are left out.

    Returns:
        Task -> the tasks with the same training texts, if there are several; and split -> task ->
        checked rows.
    """
    needed = {text for name in names for text in tasks[name].derived.source_tasks or [name]}
    splits: dict[str, dict[str, CheckedSplit]] = {part: {} for part in parts}
    with_rows = {
        name: entry
        for name, entry in tasks.items()
        if name in needed and entry.derived.label_generator is None
    }
    tables: dict[str, list[str]] = {}
    for table in group_by_table(with_rows, "train" if fold else parts[0], data_dir):
        same = shares_tokens(table)
        tables |= dict.fromkeys(same, same)
        loaded = load_table(table, parts, data_dir, args.seed_of_data, fold)
        for name, part in product(table, parts):
            if part in loaded[name]:
                splits[part][name] = loaded[name][part]
    for part in parts:
        rows = {name: split.rows for name, split in splits[part].items()}
        for name in names:
            entry = tasks[name]
            if part != "test" and entry.derived.label_generator is not None:
                # One process generates the labels; the others find its rows in the cache.
                with args.main_process_first(desc=f"labels of {name}"):
                    splits[part][name] = entry.derived.split(
                        name, part, entry.model.labels or [], rows, args.seed_of_data
                    )
    return tables, splits


def _augmented(
    name: str, entry: TaskEntry, rows: Dataset, args: HybridMTLTrainingArguments
) -> Dataset:
    # One process translates; the others find its translations in the cache.
    with args.main_process_first(desc=f"augmentation of {name}"):
        augmented = augment(name, rows, entry.augmentation, args.seed_of_data, args.device)
    print(f"{name}: {len(augmented) - len(rows)} augmented rows added to {len(rows)}", flush=True)
    return augmented

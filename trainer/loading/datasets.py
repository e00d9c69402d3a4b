"""A run's data: read, checked, augmented and tokenized, task by task."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from trainer.config.tasks import DEFAULT_TASKS, TaskEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data import CheckedSplit, check_split, load_split, tokenize
from trainer.data.augmentation import augment
from trainer.data.cache import cache_folder
from trainer.data.origin import DataOrigin, origin_of


@dataclass
class PreparedData:
    """Every task's tokenized rows and their origin, with counts of dropped and added rows."""

    train: dict[str, Dataset] = field(default_factory=dict)
    validation: dict[str, Dataset] = field(default_factory=dict)
    test: dict[str, Dataset] = field(default_factory=dict)
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    augmented: dict[str, int] = field(default_factory=dict)
    origins: dict[str, DataOrigin] = field(default_factory=dict)

    @property
    def fingerprints(self) -> dict[str, dict[str, str]]:
        """Return split -> task -> a key that equal rows with equal tokens share."""
        splits = {"train": self.train, "validation": self.validation}
        return {
            part: {name: rows._fingerprint for name, rows in tasks.items()}
            for part, tasks in splits.items()
        }


def prepare_data(
    tasks: Mapping[str, TaskEntry],
    data_dir: str | None,
    tokenizer: PreTrainedTokenizerBase,
    args: HybridMTLTrainingArguments,
    *,
    parts: Sequence[str] = ("train", "validation"),
    names: Collection[str] | None = None,
) -> PreparedData:
    """Load, check and tokenize every task's splits; all are checked before any is tokenized.

    Args:
        tasks: every task of the run.
        data_dir: the run's folder of data, if any.
        tokenizer: the backbone's, with its `model_max_length`.
        args: the seed of the data, and the processes and device of the run.
        parts: the splits to prepare.
        names: the tasks to prepare; all if None.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    cache_folder()  # before anything is read for it
    names = [name for name in tasks if names is None or name in names]
    for name in names:
        tasks[name].derived.check()
    checked = {part: _check_parts(tasks, names, part, data_dir, args) for part in parts}
    data = PreparedData()
    for name, part in product(names, parts):
        entry, split = tasks[name], checked[part][name]
        for reason, count in split.dropped.items():
            data.dropped.setdefault(name, {})[f"{part}: {reason}"] = count
        rows = split.rows
        if part == "train" and entry.augmentation.augmentation:
            rows = _augmented(name, entry, rows, args)
            data.augmented[name] = len(rows) - len(split.rows)
        getattr(data, part)[name] = _tokenized(f"{name} {part}", rows, entry, tokenizer)
        data.origins[name] = origin_of(name, entry.source, entry.derived, data_dir)
    return data


def _tokenized(
    place: str, rows: Dataset, entry: TaskEntry, tokenizer: PreTrainedTokenizerBase
) -> Dataset:
    limit = tokenizer.model_max_length
    tokens = tokenize(place, rows, entry.model, tokenizer, limit)
    warn_truncated(place, tokens["truncated"][:], limit)
    return tokens


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
    names: Iterable[str],
    part: str,
    data_dir: str | None,
    args: HybridMTLTrainingArguments,
) -> dict[str, CheckedSplit]:
    """Return one checked split of the tasks, and of the source tasks of generated labels."""
    needed = {text for name in names for text in tasks[name].derived.source_tasks or [name]}
    splits = {
        name: load_checked(name, entry, part, data_dir)
        for name, entry in tasks.items()
        if name in needed
    }
    rows = {name: split.rows for name, split in splits.items()}
    for name in names:
        entry = tasks[name]
        if entry.derived.label_generator is not None:
            # One process generates the labels; the others find its rows in the cache.
            with args.main_process_first(desc=f"labels of {name}"):
                splits[name] = entry.derived.split(
                    name, part, entry.model.labels or [], rows, args.seed_of_data
                )
    return splits


def load_checked(name: str, entry: TaskEntry, part: str, data_dir: str | None) -> CheckedSplit:
    """Return one split of one task, checked; print counts of dropped rows.

    Args:
        name: the task's name.
        entry: its settings.
        part: `train`, `validation` or `test`.
        data_dir: the run's folder of data, if any.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    default = DEFAULT_TASKS.get(name, {}).get("dataset")
    raw = load_split(name, entry.source, part, data_dir, default)
    checked = check_split(name, entry.model, entry.source, raw)
    for reason, count in checked.dropped.items():
        print(f"{raw.location}: {count} rows dropped ({reason})", flush=True)
    return checked


def _augmented(
    name: str, entry: TaskEntry, rows: Dataset, args: HybridMTLTrainingArguments
) -> Dataset:
    # One process translates; the others find its translations in the cache.
    with args.main_process_first(desc=f"augmentation of {name}"):
        augmented = augment(name, rows, entry.augmentation, args.seed_of_data, args.device)
    print(f"{name}: {len(augmented) - len(rows)} augmented rows added to {len(rows)}", flush=True)
    return augmented

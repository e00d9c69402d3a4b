"""A run's data: read, checked, augmented and tokenised, task by task."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import product

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from trainer.config.settings import Settings
from trainer.config.tasks import DEFAULT_TASKS
from trainer.data import CheckedSplit, check_split, load_split, tokenize
from trainer.data.augmentation import augment
from trainer.data.cache import cache_folder


@dataclass
class PreparedData:
    """Every task's tokenised rows, what was left out on the way and how many were added."""

    train: dict[str, Dataset] = field(default_factory=dict)
    validation: dict[str, Dataset] = field(default_factory=dict)
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    augmented: dict[str, int] = field(default_factory=dict)

    @property
    def fingerprints(self) -> dict[str, dict[str, str]]:
        """Split -> task -> what is the same for the same rows, read by the same tokenizer."""
        splits = {"train": self.train, "validation": self.validation}
        return {
            part: {name: rows._fingerprint for name, rows in own.items()}
            for part, own in splits.items()
        }


def prepare_data(
    settings: Settings,
    tokenizer: PreTrainedTokenizerBase,
    *,
    training: bool,
    names: Collection[str] | None = None,
) -> PreparedData:
    """Load, check and tokenise every task's splits; all are checked before any is tokenised.

    Args:
        settings: of the run.
        tokenizer: the backbone's.
        training: whether the training splits are needed, too.
        names: the tasks; all of the run if None.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    cache_folder()  # before anything is read for it
    names = [name for name in settings.tasks if names is None or name in names]
    for name in names:
        settings.tasks[name].derived.check()
    data = PreparedData()
    parts = ("train", "validation") if training else ("validation",)
    checked = {part: _own_splits(settings, names, part) for part in parts}
    for part in parts:
        _derive_labels(settings, names, part, checked[part])
    for name, part in product(names, parts):
        split = checked[part][name]
        for reason, count in split.dropped.items():
            data.dropped.setdefault(name, {})[f"{part}: {reason}"] = count
        rows = split.rows
        if part == "train":
            rows = _augmented(settings, name, rows)
            if len(rows) > len(split.rows):
                data.augmented[name] = len(rows) - len(split.rows)
        task = settings.tasks[name].model
        tokens = tokenize(f"{name} {part}", rows, task, tokenizer, settings.run.max_length)
        warn_truncated(f"{name} {part}", tokens["truncated"][:], settings.run.max_length)
        getattr(data, part)[name] = tokens
    return data


def warn_truncated(place: str, cut: Sequence[bool], max_length: int) -> None:
    """Say how many of a place's rows have a text whose end is not read, if there are any."""
    if any(cut):
        print(
            f"{place}: {sum(cut)} of {len(cut)} rows have more than {max_length} tokens; the rest "
            f"of their texts is not read",
            flush=True,
        )


def _own_splits(settings: Settings, names: Collection[str], part: str) -> dict[str, CheckedSplit]:
    """One split of those tasks that have data, and of those whose texts the others read."""
    needed = {
        text for name in names for text in settings.tasks[name].derived.source_tasks or [name]
    }
    return {name: load_checked(settings, name, part) for name in settings.tasks if name in needed}


def _derive_labels(
    settings: Settings, names: Collection[str], part: str, found: dict[str, CheckedSplit]
) -> None:
    """Add the split of those tasks whose labels are made from the others' texts."""
    rows = {name: split.rows for name, split in found.items()}
    for name in names:
        entry = settings.tasks[name]
        if entry.derived.label_generator is not None:
            # One process makes them; the others find what it made.
            with settings.training.main_process_first(desc=f"labels of {name}"):
                found[name] = entry.derived.split(
                    name, part, entry.model.labels or [], rows, settings.data_seed
                )


def load_checked(settings: Settings, name: str, part: str) -> CheckedSplit:
    """One split of one task, `train` or `validation`, checked; says what was left out.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    entry = settings.tasks[name]
    split = getattr(entry.source, f"{part}_split")
    default = DEFAULT_TASKS.get(name, {}).get("dataset")
    raw = load_split(name, entry.source, split, settings.run.data_dir, default)
    found = check_split(name, entry.model, entry.source, raw)
    for reason, count in found.dropped.items():
        print(f"{raw.location}: {count} rows dropped ({reason})", flush=True)
    return found


def _augmented(settings: Settings, name: str, rows: Dataset) -> Dataset:
    options, args = settings.tasks[name].augmentation, settings.training
    if not options.augmentation:
        return rows
    # One process translates; the others find its translations.
    with args.main_process_first(desc=f"augmentation of {name}"):
        found = augment(name, rows, options, settings.data_seed, args.device)
    print(f"{name}: {len(found) - len(rows)} augmented rows added to {len(rows)}", flush=True)
    return found

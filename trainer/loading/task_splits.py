"""A task's splits: read, checked, and divided where the configuration says so."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.config.tasks import DEFAULT_TASKS, TaskEntry
from trainer.data import CheckedSplit, RawSplit, TaskSource, check_split, load_split
from trainer.data.columns import is_missing
from trainer.data.labels import number
from trainer.data.sources import has_test_rows
from trainer.data.splits import fold_of, hold_out
from trainer.errors import InputError


@dataclass(frozen=True)
class Fold:
    """One of the folds of the training rows, to evaluate on; the first has number 1."""

    number: int
    folds: int


def load_splits(
    name: str,
    entry: TaskEntry,
    parts: Sequence[str],
    data_dir: str | None,
    seed: int,
    fold: Fold | None = None,
) -> dict[str, CheckedSplit]:
    """Return a task's checked splits; print the counts of dropped rows and how rows were divided.

    Args:
        name: the task's name.
        entry: its data.
        parts: any of `train`, `validation` and `test`, which is left out without labeled rows.
        data_dir: the run's folder of data, if any.
        seed: of the data.
        fold: the fold of the training rows that becomes the validation rows, if any.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    source, share = entry.source, entry.source.validation_share
    if source.split_by is not None and share is None and fold is None:
        raise InputError(
            f"task '{name}': split_by = '{source.split_by}': has no effect without a number as "
            "validation_split, or folds; unset it"
        )
    splits: dict[str, CheckedSplit] = {}
    if {"train", "validation"} & set(parts) and (fold is not None or share is not None):
        splits = _divided(name, entry, data_dir, seed, fold)
        splits = {part: split for part, split in splits.items() if part in parts}
    for part in ("train", "validation"):
        if part in parts and part not in splits:
            splits[part] = _checked(name, entry, _load(name, source, part, data_dir))
    if "test" in parts:
        raw = _load_test(name, source, data_dir)
        if raw is not None:
            splits["test"] = _checked(name, entry, raw)
    return splits


def _divided(
    name: str, entry: TaskEntry, data_dir: str | None, seed: int, fold: Fold | None
) -> dict[str, CheckedSplit]:
    source = entry.source
    raw = _load(name, source, "train", data_dir)
    split = _checked(name, entry, raw)
    # Independent of the other tasks of the run.
    seeds = [seed, zlib.crc32(name.encode())]
    if fold is not None:
        train, validation = fold_of(name, split, fold.number, fold.folds, seeds)
        cause = f"fold {fold.number} of {fold.folds}"
    else:
        share = source.validation_share or 0.0
        train, validation = hold_out(name, split, share, seeds)
        cause = f"validation_split: {share:g}"
    print(
        f"{raw.location}: {len(validation.rows)} of {len(split.rows)} rows held out for validation "
        f"({cause}, data seed {seed})",
        flush=True,
    )
    return {"train": train, "validation": validation}


def _load(name: str, source: TaskSource, part: str, data_dir: str | None) -> RawSplit:
    return load_split(name, source, part, data_dir, _default_dataset(name))


def _default_dataset(name: str) -> str | None:
    return DEFAULT_TASKS.get(name, {}).get("dataset")


def _checked(name: str, entry: TaskEntry, raw: RawSplit) -> CheckedSplit:
    checked = check_split(name, entry.model, entry.source, raw)
    for reason, count in checked.dropped.items():
        print(f"{raw.location}: {count} rows dropped ({reason})", flush=True)
    return checked


def _load_test(name: str, source: TaskSource, data_dir: str | None) -> RawSplit | None:
    """Return the test rows; None if there are none, or none has a label."""
    if not has_test_rows(name, source, data_dir, _default_dataset(name)):
        return None
    raw = _load(name, source, "test", data_dir)
    column = source.columns.get("label", "label")
    labels = raw.rows[column][:] if column in raw.rows.column_names else []
    # GLUE marks test rows without a public label by -1.
    if all(is_missing(label) or number(label) == -1 for label in labels):
        print(f"{raw.location}: no row has a label; this test split is not measured", flush=True)
        return None
    return raw

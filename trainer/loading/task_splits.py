"""A task's splits: read, checked, and divided where the configuration says so."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.config.tasks import DEFAULT_TASKS, TaskEntry
from trainer.data import CheckedSplit, RawSplit, TaskSource, check_split, load_split
from trainer.data.labels import number
from trainer.data.raw_rows import is_missing
from trainer.data.splits import divide, fold_of, hold_out
from trainer.data.task_locations import has_test_rows
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
    """Return a task's checked splits by part; see `load_table`."""
    return load_table({name: entry}, parts, data_dir, seed, fold)[name]


def load_table(
    tasks: Mapping[str, TaskEntry],
    parts: Sequence[str],
    data_dir: str | None,
    seed: int,
    fold: Fold | None = None,
) -> dict[str, dict[str, CheckedSplit]]:
    """Return the checked splits, by task and part, of tasks that read the same table.

    Rows of a table with several tasks may lack labels. The training rows of all tasks are the same,
    with null for a missing label; other parts have the labeled rows of each task. How rows were
    divided and the counts of dropped rows are printed.

    Args:
        tasks: the tasks, alike in everything but their labels.
        parts: any of `train`, which is left out with `streaming`, `validation`, and `test`, which
            is left out without labeled rows.
        data_dir: the run's folder of data, if any.
        seed: of the data.
        fold: the fold of the training rows that becomes the validation rows, if any.

    Raises:
        InputError: naming the file, row and value that is wrong.
    """
    first, entry = next(iter(tasks.items()))
    source = entry.source
    if source.split_by is not None and source.validation_share is None and fold is None:
        raise InputError(
            f"task '{first}': split_by = '{source.split_by}': has no effect without a number as "
            "validation_split, or folds; unset it"
        )
    parts = [part for part in parts if part != "train" or not source.streaming]
    by_part = _read_parts(tasks, parts, data_dir, seed, fold)
    return {
        name: {
            part: by_part[part][name] if part == "train" else by_part[part][name].labeled()
            for part in parts
            if name in by_part.get(part, {})
        }
        for name in tasks
    }


def _read_parts(
    tasks: Mapping[str, TaskEntry],
    parts: Sequence[str],
    data_dir: str | None,
    seed: int,
    fold: Fold | None,
) -> dict[str, dict[str, CheckedSplit]]:
    """Return the checked splits, by part and task, with the rows that lack a label."""
    first, entry = next(iter(tasks.items()))
    source, share = entry.source, entry.source.validation_share
    partial = len(tasks) > 1
    by_part: dict[str, dict[str, CheckedSplit]] = {}
    if {"train", "validation"} & set(parts) and (fold is not None or share is not None):
        by_part = _divided(tasks, data_dir, seed, fold)
    for part in ("train", "validation"):
        if part in parts and part not in by_part:
            raw = load(first, source, part, data_dir)
            by_part[part] = _checked(tasks, raw, partial, weighted=part == "train")
    if "test" in parts and has_test_rows(first, source, data_dir, default_dataset(first)):
        raw = load(first, source, "test", data_dir)
        measured = {name: task for name, task in tasks.items() if _has_labels(task, raw)}
        for name in tasks.keys() - measured.keys():
            print(
                f"{raw.location}: no row has a label for task '{name}'; its test rows are not "
                "measured",
                flush=True,
            )
        by_part["test"] = _checked(measured, raw, partial, weighted=False)
    return by_part


def _divided(
    tasks: Mapping[str, TaskEntry], data_dir: str | None, seed: int, fold: Fold | None
) -> dict[str, dict[str, CheckedSplit]]:
    first, entry = next(iter(tasks.items()))
    raw = load(first, entry.source, "train", data_dir)
    splits = _checked(tasks, raw, len(tasks) > 1)
    # Independent of the other tasks of the run.
    seeds = [seed, zlib.crc32(first.encode())]
    # Stratified by the classes of the first task that has classes.
    leader = next((name for name, task in tasks.items() if task.model.has_labels), first)
    if fold is not None:
        held_out = fold_of(leader, splits[leader], fold.number, fold.folds, seeds)
        cause = f"fold {fold.number} of {fold.folds}"
    else:
        share = entry.source.validation_share or 0.0
        held_out = hold_out(leader, splits[leader], share, seeds)
        cause = f"validation_split: {share:g}"
    print(
        f"{raw.location}: {held_out.sum()} of {len(held_out)} rows held out for validation "
        f"({cause}, data seed {seed})",
        flush=True,
    )
    divided = {name: divide(split, held_out) for name, split in splits.items()}
    return {
        "train": {name: train for name, (train, _) in divided.items()},
        "validation": {name: validation for name, (_, validation) in divided.items()},
    }


def _checked(
    tasks: Mapping[str, TaskEntry], raw: RawSplit, partial: bool, *, weighted: bool = True
) -> dict[str, CheckedSplit]:
    """Return the checked rows of a table by task; print the counts of dropped rows."""
    splits = {}
    for name, entry in tasks.items():
        split = check_split(
            name, entry.model, entry.source, raw, partial=partial, weighted=weighted
        )
        for reason, count in split.dropped.items():
            print(f"{raw.location}: {count} rows dropped ({reason})", flush=True)
        labeled = len(split.labeled().rows)
        if labeled == 0:
            raise InputError(f"{raw.location}: no row has a label for task '{name}'")
        if partial:
            print(
                f"{raw.location}: {labeled} of {len(split.rows)} rows have a label for task "
                f"'{name}'",
                flush=True,
            )
        splits[name] = split
    return splits


def load(name: str, source: TaskSource, part: str, data_dir: str | None) -> RawSplit:
    """Return the rows of one split of a task; see `load_split`."""
    return load_split(name, source, part, data_dir, default_dataset(name))


def default_dataset(name: str) -> str | None:
    """Return the dataset of the default task of this name, if there is one."""
    return DEFAULT_TASKS.get(name, {}).get("dataset")


def _has_labels(task: TaskEntry, raw: RawSplit) -> bool:
    column = task.source.columns.get("label", "label")
    if not task.model.needs_labels and column not in raw.rows.column_names:
        return True
    names = [
        name
        for name in (column if isinstance(column, list) else [column])
        if name in raw.rows.column_names
    ]
    labels = [label for name in names for label in raw.rows[name][:]]
    # GLUE marks test rows without a public label by -1.
    return not all(is_missing(label) or number(label) == -1 for label in labels)

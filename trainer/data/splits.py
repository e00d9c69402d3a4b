"""Division of a task's rows into training and validation rows, or into folds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trainer.data.checked_split import CheckedSplit
from trainer.data.overlap import row_texts
from trainer.errors import InputError


def hold_out(
    name: str, split: CheckedSplit, share: float, seed: Sequence[int]
) -> NDArray[np.bool_]:
    """Return which rows are held out for validation, (N,), with the classes' shares in both parts.

    No text, and no value of `split_by`, stands in both parts.

    Args:
        name: the task's name, for messages.
        split: the rows.
        share: the share of the rows to hold out, between 0 and 1.
        seed: of the draw.

    Raises:
        InputError: if a part would have no row.
    """
    groups, classes = _groups_and_classes(split)
    held_out = _draw(groups, classes, share, np.random.default_rng(seed))
    if held_out.all() or not held_out.any():
        raise InputError(
            f"task '{name}': validation_split = {share:g}: of {len(groups)} rows in "
            f"{groups.max() + 1} groups of shared texts, {held_out.sum()} would be held out; "
            "choose another share, or give validation rows of their own"
        )
    return held_out


def fold_of(
    name: str, split: CheckedSplit, fold: int, folds: int, seed: Sequence[int]
) -> NDArray[np.bool_]:
    """Return which rows are held out in a fold, (N,), drawn as by `hold_out`.

    Args:
        name: the task's name, for messages.
        split: the rows.
        fold: the number of the fold that is held out, from 1.
        folds: the number of folds.
        seed: of the draw, the same for all folds.

    Raises:
        InputError: if there are fewer groups of rows than folds.
    """
    groups, classes = _groups_and_classes(split)
    random = np.random.default_rng(seed)
    rest = np.arange(len(groups))
    for number in range(1, fold + 1):
        remaining = folds - number + 1
        drawn = np.ones(len(rest), dtype=bool)
        if remaining > 1:
            drawn = _draw(groups[rest], classes[rest], 1 / remaining, random)
        chosen, rest = rest[drawn], rest[~drawn]
    if not len(chosen) or len(chosen) == len(groups):
        raise InputError(
            f"task '{name}': folds = {folds}: {len(groups)} rows in {groups.max() + 1} groups of "
            f"shared texts are too few; choose fewer folds"
        )
    held_out = np.zeros(len(groups), dtype=bool)
    held_out[chosen] = True
    return held_out


def divide(split: CheckedSplit, held_out: NDArray[np.bool_]) -> tuple[CheckedSplit, CheckedSplit]:
    """Return the training rows, with the record of dropped rows, and the rows held out."""
    train = split.rows.select(np.flatnonzero(~held_out))
    validation = split.rows.select(np.flatnonzero(held_out))
    return CheckedSplit(train, split.dropped, split.dropped_rows), CheckedSplit(validation, {})


def _groups_and_classes(split: CheckedSplit) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's group, (N,), and its class, (N,), which is 0 for tasks without classes."""
    groups = _connected(row_texts(split.rows), split.groups)
    labels = split.rows["label"][:]
    if all(isinstance(label, int | None) for label in labels):
        names: dict[Any, int] = {}
        return groups, np.array([names.setdefault(label, len(names)) for label in labels])
    return groups, np.zeros(len(labels), dtype=int)


def _connected(texts: Sequence[tuple[str, ...]], values: Sequence[Any] | None) -> np.ndarray:
    """Return the group of each row, (N,): rows with a common text or value are in one."""
    keys: dict[Any, int] = {}
    rows, columns = [], []
    for row, of_row in enumerate(texts):
        found: list[Any] = list(of_row)
        if values is not None and values[row] is not None:
            found.append((str(values[row]),))  # a tuple, which equals no text
        for key in found:
            rows.append(row)
            columns.append(keys.setdefault(key, len(keys)))
    size = len(texts) + len(keys)
    links = coo_array(
        (np.ones(len(rows), dtype=bool), (rows, np.array(columns) + len(texts))), (size, size)
    )
    _, groups = connected_components(links, directed=False)
    return np.unique(groups[: len(texts)], return_inverse=True)[1]


def _draw(
    groups: np.ndarray, classes: np.ndarray, share: float, random: np.random.Generator
) -> np.ndarray:
    """Draw whole groups that hold a share of each class; return which rows they are, (N,).

    Groups of several rows are decided one by one, the largest first, so that the share of each
    class drawn so far stays closest to `share`. Single rows then fill each class up.
    """
    count = int(classes.max()) + 1
    per_group = np.zeros((int(groups.max()) + 1, count))
    np.add.at(per_group, (groups, classes), 1)
    sizes = per_group.sum(axis=1)
    order = random.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    drawn, seen = np.zeros(count), np.zeros(count)
    chosen = np.zeros(len(sizes), dtype=bool)
    for group in order[sizes[order] > 1]:
        seen += per_group[group]
        missing = share * seen - drawn
        if np.sum((missing - per_group[group]) ** 2) < np.sum(missing**2):
            chosen[group] = True
            drawn += per_group[group]
    single = order[sizes[order] == 1]
    class_of = per_group[single].argmax(axis=1)
    totals = per_group.sum(axis=0)
    for index in range(count):
        candidates = single[class_of == index]
        wanted = round(share * totals[index] - drawn[index])
        chosen[candidates[: max(0, min(wanted, int(totals[index]) - 1))]] = True
    return chosen[groups]

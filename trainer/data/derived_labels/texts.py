"""Collection and sampling of the texts of several tasks."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from datasets import Dataset

from trainer.data.derived_labels.base import Texts


def texts_by_task(splits: Mapping[str, Dataset]) -> Texts:
    """Return text -> the tasks whose rows contain it, in order of first occurrence.

    Args:
        splits: task -> its checked rows; both texts of a pair count.
    """
    tasks_by_text: dict[str, list[str]] = {}
    for task, rows in splits.items():
        for text in _texts(rows):
            tasks = tasks_by_text.setdefault(text, [])
            if task not in tasks:
                tasks.append(task)
    return tasks_by_text


def _texts(rows: Dataset) -> Iterator[str]:
    for side in ("text", "text_pair"):
        if side in rows.column_names:
            yield from (_as_text(value) for value in rows[side][:])


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(value)


def sample(texts: Texts, limit: int | None, seed: list[int]) -> Texts:
    """Return at most `limit` texts, or all if None, drawn at random and evenly from the tasks.

    If a task has too few texts, more are drawn from the others.
    """
    if limit is None or len(texts) <= limit:
        return texts
    keys, tasks = list(texts), [tasks[0] for tasks in texts.values()]
    counts: Counter[str] = Counter()
    # Rank the texts of each task in random order; the lowest ranks of all tasks are drawn.
    ranks = []
    for index in np.random.default_rng(seed).permutation(len(keys)).tolist():
        ranks.append((counts[tasks[index]], index))
        counts[tasks[index]] += 1
    chosen = sorted(index for _, index in sorted(ranks)[:limit])
    return {keys[index]: texts[keys[index]] for index in chosen}

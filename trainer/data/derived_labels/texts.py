"""The texts of several tasks, each once."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from datasets import Dataset

from trainer.data.derived_labels.base import Texts


def texts_by_task(splits: Mapping[str, Dataset]) -> Texts:
    """Each text with the tasks in whose rows it stands, in the order in which they are first met.

    Args:
        splits: task -> its checked rows; both texts of a pair count.
    """
    found: dict[str, list[str]] = {}
    for task, rows in splits.items():
        for text in _texts(rows):
            tasks = found.setdefault(text, [])
            if task not in tasks:
                tasks.append(task)
    return found


def _texts(rows: Dataset) -> Iterator[str]:
    for side in ("text", "text_pair"):
        if side in rows.column_names:
            yield from (_as_text(value) for value in rows[side][:])


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(value)


def sample(texts: Texts, most: int | None, seed: list[int]) -> Texts:
    """At most so many texts, drawn at random, of each task as many as of any other if it has them.

    Args:
        texts: the texts.
        most: how many; all if None.
        seed: of the draw.
    """
    if most is None or len(texts) <= most:
        return texts
    keys, tasks = list(texts), [tasks[0] for tasks in texts.values()]
    taken: Counter[str] = Counter()
    # Each text's place among its task's in random order: the lowest of all tasks come first.
    turns = []
    for index in np.random.default_rng(seed).permutation(len(keys)).tolist():
        turns.append((taken[tasks[index]], index))
        taken[tasks[index]] += 1
    chosen = sorted(index for _, index in sorted(turns)[:most])
    return {keys[index]: texts[keys[index]] for index in chosen}

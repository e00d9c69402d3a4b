"""The augmentation options of a task's entry, and the augmented copies of its rows."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets

from modeling_hybrid_mtl import TaskConfig
from trainer.data.augmentation.methods import Columns, Lookup, Method
from trainer.data.augmentation.swap_sides import SwapSides
from trainer.errors import InputError
from trainer.registry import AUGMENTATIONS, HEADS


@dataclass
class TaskAugmentation:
    """Rewritten copies of a task's training rows, in addition to the rows.

    Attributes:
        augmentation: the methods applied in turn to a copy, with their options:
            `[{method: synonyms, share: 0.1}, deletion]`. Methods: `synonyms`, `replacement`,
            `insertion`, `swap`, `deletion`, `back_translation`, `swap_sides`, `counterfactual`.
        augmented_share: the share of the rows, drawn at random, to copy.
        augmented_copies: copies of each of these rows.
    """

    augmentation: list[dict[str, Any]] = field(default_factory=list)
    augmented_share: float = 1.0
    augmented_copies: int = 1

    def methods(self) -> list[Method]:
        """Return the methods in their order.

        Raises:
            InputError: naming the method and the option that is out of range.
        """
        methods = []
        for step in self.augmentation:
            options = {key: value for key, value in step.items() if key != "method"}
            try:
                methods.append(AUGMENTATIONS[step["method"]](**options))
            except InputError as error:
                raise InputError(f"{step['method']}: {error}") from error
        return methods

    def check(self, task: TaskConfig) -> None:
        """Check the options, and that the methods suit the task.

        Raises:
            InputError: naming the option or method, with the reason.
        """
        if not 0 < self.augmented_share <= 1:
            raise InputError(
                f"augmented_share = {self.augmented_share}: must be above 0 and at most 1"
            )
        if self.augmented_copies < 1:
            raise InputError(f"augmented_copies = {self.augmented_copies}: must be 1 or more")
        methods = self.methods()
        if not methods:
            if self != TaskAugmentation():
                raise InputError("augmented_share and augmented_copies need an 'augmentation'")
            return
        if task.reads_words:
            raise InputError(
                f"augmentation: is not available for {task.kind}, since the tags apply to the "
                f"words in their order"
            )
        for step, method in zip(self.augmentation, methods, strict=True):
            _check_input(step["method"], method, task)
        if self.augmented_copies > 1 and not any(method.is_random for method in methods):
            raise InputError(
                f"augmented_copies = {self.augmented_copies}: without a random method all copies "
                f"of a row are equal"
            )


def _check_input(name: str, method: Method, task: TaskConfig) -> None:
    if task.input == "pair" and not method.keeps_meaning:
        allowed = ", ".join(n for n, m in AUGMENTATIONS.items() if m.keeps_meaning)
        raise InputError(
            f"augmentation: '{name}' may change the meaning of one text of a pair, so that the "
            f"label is no longer valid; for pairs use {allowed}"
        )
    if isinstance(method, SwapSides) and task.input == "single":
        raise InputError(f"augmentation: '{name}' needs pairs, and this task has single texts")
    if isinstance(method, SwapSides) and "cosine_range" in HEADS[task.kind].reads:
        raise InputError(
            f"augmentation: '{name}' has no effect here: the cosine of two texts is the same in "
            f"either order"
        )


def _check_shape(name: str, columns: Columns, rewritten: Columns) -> None:
    """Check that a method has returned the same columns with as many texts."""
    expected, found = (
        {side: len(texts) for side, texts in c.items()} for c in (columns, rewritten)
    )
    if found != expected:
        raise InputError(f"'{name}' returned {found} texts, expected {expected}")


class Copier:
    """Rewrites copies of a task's rows, deterministically for the same rows and seed.

    Args:
        name: the task's name, part of the seed.
        rows: columns `text`, `text_pair` (pairs) and `label`.
        options: the augmentation options of the task.
        seed: the seed of the run's data.
        device: the device of models.
    """

    def __init__(
        self,
        name: str,
        rows: Dataset,
        options: TaskAugmentation,
        seed: int,
        device: str | torch.device = "cpu",
    ):
        self.options = options
        self.methods = options.methods()
        sides = [side for side in ("text", "text_pair") if side in rows.column_names]
        self.columns = {side: [" ".join(text.split()) for text in rows[side]] for side in sides}
        texts = [text for column in self.columns.values() for text in column]
        self.lookup = Lookup(name, texts, device)
        self.seed = (seed, zlib.crc32(name.encode()))

    def sample_rows(self) -> list[int]:
        """Return the indices of the rows to copy."""
        draws = np.random.default_rng(self.seed).random(len(self.columns["text"]))
        return np.flatnonzero(draws < self.options.augmented_share).tolist()

    def copies(self, rows: Sequence[int]) -> list[tuple[int, tuple[str, ...]]]:
        """Return (row, rewritten texts) of copies, in the order of `rows`.

        Copies that equal their row or another copy of it are omitted.
        """
        pairs = [(row, copy) for row in rows for copy in range(self.options.augmented_copies)]
        # The random numbers of a copy do not depend on the other rows.
        rngs = [np.random.default_rng([*self.seed, row, copy]) for row, copy in pairs]
        columns = {side: [texts[row] for row, _ in pairs] for side, texts in self.columns.items()}
        for step, method in zip(self.options.augmentation, self.methods, strict=True):
            rewritten = dict(method(columns, rngs, self.lookup))
            _check_shape(step["method"], columns, rewritten)
            columns = rewritten
        copies = zip((row for row, _ in pairs), zip(*columns.values(), strict=True), strict=True)
        return [(row, copy) for row, copy in dict.fromkeys(copies) if copy != self.texts(row)]

    def texts(self, row: int) -> tuple[str, ...]:
        """Return the original texts of a row."""
        return tuple(texts[row] for texts in self.columns.values())


def augment(
    name: str,
    rows: Dataset,
    options: TaskAugmentation,
    seed: int,
    device: str | torch.device = "cpu",
) -> Dataset:
    """Return a task's training rows, followed by the rewritten copies with the same labels.

    The arguments are those of `Copier`.

    Raises:
        InputError: naming the task, if the data or model of a method is missing.
    """
    if not options.augmentation:
        return rows
    copier = Copier(name, rows, options, seed, device)
    try:
        copies = copier.copies(copier.sample_rows())
    except InputError as error:
        raise InputError(f"task '{name}': augmentation: {error}") from error
    table: dict[str, list] = {
        side: [texts[i] for _, texts in copies] for i, side in enumerate(copier.columns)
    }
    for column in set(rows.column_names) - set(table):  # label and weight
        values = rows[column][:]
        table[column] = [values[row] for row, _ in copies]
    return concatenate_datasets([rows, Dataset.from_dict(table, features=rows.features)])

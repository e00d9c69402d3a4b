"""What a task's entry says about augmentation, and the copies that follow from it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets

from modeling_hybrid_mtl import TaskConfig
from trainer.data.augmentation.back_translation import BackTranslation
from trainer.data.augmentation.deletion import Deletion
from trainer.data.augmentation.insertion import Insertion
from trainer.data.augmentation.methods import Lookup, Method
from trainer.data.augmentation.replacement import Replacement
from trainer.data.augmentation.swap import Swap
from trainer.data.augmentation.swap_sides import SwapSides
from trainer.data.augmentation.synonyms import Synonyms
from trainer.errors import InputError
from trainer.registry import AUGMENTATIONS, HEADS

AUGMENTATIONS.register("synonyms", Synonyms)
AUGMENTATIONS.register("replacement", Replacement)
AUGMENTATIONS.register("insertion", Insertion)
AUGMENTATIONS.register("swap", Swap)
AUGMENTATIONS.register("deletion", Deletion)
AUGMENTATIONS.register("back_translation", BackTranslation)
AUGMENTATIONS.register("swap_sides", SwapSides)


@dataclass
class TaskAugmentation:
    """Rewritten copies of a task's training rows, added to the rows themselves.

    Attributes:
        augmentation: the methods that rewrite a copy, one after the other, each with its options:
            `[{method: synonyms, share: 0.1}, deletion]`. Methods: `synonyms`, `replacement`,
            `insertion`, `swap`, `deletion`, `back_translation`, `swap_sides`.
        augmented_share: the share of the rows, drawn at random, that get copies.
        augmented_copies: copies of each of these rows.
    """

    augmentation: list[dict[str, Any]] = field(default_factory=list)
    augmented_share: float = 1.0
    augmented_copies: int = 1

    def methods(self) -> list[Method]:
        """The methods in their order.

        Raises:
            InputError: naming the method and the option that is out of range.
        """
        made = []
        for step in self.augmentation:
            options = {key: value for key, value in step.items() if key != "method"}
            try:
                made.append(AUGMENTATIONS[step["method"]](**options))
            except InputError as error:
                raise InputError(f"{step['method']}: {error}") from error
        return made

    def check(self, task: TaskConfig) -> None:
        """Make sure that the methods fit the kind of task.

        Raises:
            InputError: saying which does not, and why.
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
                f"augmentation: is not for {task.kind}, where each word of a text carries a tag "
                f"that holds for this word in this place"
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
            f"augmentation: '{name}' may change what one text of a pair says, and the label, which "
            f"is about both, would no longer be true; for pairs there are {allowed}"
        )
    if isinstance(method, SwapSides) and task.input == "single":
        raise InputError(f"augmentation: '{name}' needs pairs, and this task reads one text")
    if isinstance(method, SwapSides) and "cosine_range" in HEADS[task.kind].reads:
        raise InputError(
            f"augmentation: '{name}' has no effect here: the cosine of two texts is the same in "
            f"either order"
        )


class Copier:
    """Makes rewritten copies of a task's rows, the same for the same rows and seed.

    Args:
        name: the task's name, which keeps its random numbers apart from other tasks'.
        rows: columns `text`, `text_pair` (pairs) and `label`.
        options: what to do.
        seed: of the run's data.
        device: where models run.
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

    def chosen(self) -> list[int]:
        """The rows that get copies."""
        drawn = np.random.default_rng(self.seed).random(len(self.columns["text"]))
        return np.flatnonzero(drawn < self.options.augmented_share).tolist()

    def copies(self, rows: Sequence[int]) -> list[tuple[int, tuple[str, ...]]]:
        """Copies of some rows that differ from them and from one another.

        Returns:
            (row, its rewritten texts), ordered as `rows`.
        """
        each = [(row, copy) for row in rows for copy in range(self.options.augmented_copies)]
        # Each copy has random numbers of its own, whatever rows stand beside it.
        draws = [np.random.default_rng([*self.seed, row, copy]) for row, copy in each]
        columns = {side: [texts[row] for row, _ in each] for side, texts in self.columns.items()}
        for method in self.methods:
            columns = dict(method(columns, draws, self.lookup))
        made = zip((row for row, _ in each), zip(*columns.values(), strict=True), strict=True)
        return [(row, texts) for row, texts in dict.fromkeys(made) if texts != self.own(row)]

    def own(self, row: int) -> tuple[str, ...]:
        """A row's own texts."""
        return tuple(texts[row] for texts in self.columns.values())


def augment(
    name: str,
    rows: Dataset,
    options: TaskAugmentation,
    seed: int,
    device: str | torch.device = "cpu",
) -> Dataset:
    """A task's training rows, followed by rewritten copies of them with the same labels.

    Copies that no method could change are left out, and so are repeated ones.

    Args:
        name: the task's name.
        rows: columns `text`, `text_pair` (pairs) and `label`.
        options: what to do; nothing if it names no method.
        seed: of the run's data.
        device: where models run.

    Raises:
        InputError: naming the task, if data or a model that a method needs is missing.
    """
    if not options.augmentation:
        return rows
    copier = Copier(name, rows, options, seed, device)
    try:
        made = copier.copies(copier.chosen())
    except InputError as error:
        raise InputError(f"task '{name}': augmentation: {error}") from error
    table: dict[str, list] = {
        side: [texts[place] for _, texts in made] for place, side in enumerate(copier.columns)
    }
    labels = rows["label"][:]
    table["label"] = [labels[row] for row, _ in made]
    return concatenate_datasets([rows, Dataset.from_dict(table, features=rows.features)])

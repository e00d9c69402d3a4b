"""Base classes of augmentation methods, and the resources that they share."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from datasets.utils import tqdm
from numpy.random import Generator

from trainer.data.augmentation.wordnet import Thesaurus, load_wordnet
from trainer.data.augmentation.words import Word, join, movable, split
from trainer.data.tagger import find_tagger
from trainer.errors import InputError

Columns = dict[str, list[str]]


@dataclass
class Lookup:
    """Resources of the methods, loaded on first use.

    Attributes:
        task: the task's name, for progress bars.
        texts: all training texts of the task.
        device: the device of models.
    """

    task: str
    texts: Sequence[str] = ()
    device: str | torch.device = "cpu"

    @cached_property
    def thesaurus(self) -> Thesaurus:
        """Return the synonyms of WordNet.

        Raises:
            InputError: if nltk or its data is missing, with the remedy.
        """
        return Thesaurus(load_wordnet())

    @cached_property
    def tagger(self) -> Callable[[Sequence[str]], list[str]] | None:
        """Return the installed part-of-speech tagger, or None."""
        tagger = find_tagger()
        if tagger is None:
            print(
                f"{self.task}: no part-of-speech tagger is installed: synonyms are those of a "
                f"word's most frequent sense"
            )
        return tagger

    @cached_property
    def vocabulary(self) -> tuple[list[str], np.ndarray]:
        """Return the movable words of the texts, and their cumulative frequencies, up to 1."""
        counts: Counter[str] = Counter()
        for text in self.texts:
            words = split(text)
            counts.update(words[index].core for index in movable(words))
        cores = sorted(counts)
        return cores, np.cumsum([counts[core] for core in cores]) / max(1, counts.total())

    def tags(self, words: Sequence[Word]) -> Sequence[str | None]:
        """Return the Penn Treebank tag of each word, None without a tagger."""
        if self.tagger is None:
            return [None] * len(words)
        return self.tagger([word.core or "".join(word) for word in words])


@dataclass(frozen=True)
class Method(ABC):
    """A method that rewrites a row's texts; its fields are its options in a configuration.

    Attributes:
        keeps_meaning: whether the label of a pair stays valid.
        is_random: whether two copies of one row may differ.
        citation: the key of its paper in `trainer/cards/references.bib`, if it has one.
    """

    keeps_meaning: ClassVar[bool] = False
    is_random: ClassVar[bool] = True
    citation: ClassVar[str] = ""

    @abstractmethod
    def __call__(
        self, columns: Columns, rngs: Sequence[Generator], lookup: Lookup
    ) -> Mapping[str, list[str]]:
        """Return rewritten columns.

        Args:
            columns: `text` and, for pairs, `text_pair`, with one text per row.
            rngs: the random generator of each row.
            lookup: shared resources.
        """


@dataclass(frozen=True)
class WordMethod(Method):
    """A method that changes single words of one text at a time.

    Attributes:
        share: share of a text's words to change; at least one word, if any may change.
    """

    share: float = 0.1

    def __post_init__(self):
        if not 0 < self.share <= 1:
            raise InputError(f"share = {self.share}: must be above 0 and at most 1")

    @abstractmethod
    def change(self, words: list[Word], rng: Generator, lookup: Lookup) -> list[Word]:
        """Return the changed words; may modify the list."""

    def __call__(self, columns, rngs, lookup):
        desc = f"{type(self).__name__.lower()} for {lookup.task}"
        return {
            name: [
                join(self.change(split(text), rng, lookup))
                for text, rng in zip(tqdm(texts, desc=desc), rngs, strict=True)
            ]
            for name, texts in columns.items()
        }


def pick(indices: Sequence[int], count: int, rng: Generator) -> list[int]:
    """Return up to `count` different indices in random order."""
    if not indices:
        return []
    return rng.choice(indices, size=min(count, len(indices)), replace=False).tolist()


def one_of(options: Sequence[str], rng: Generator) -> str:
    """Return one of the options, drawn uniformly."""
    return options[int(rng.integers(len(options)))]

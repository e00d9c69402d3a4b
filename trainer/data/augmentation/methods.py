"""What every method of augmentation is, and what it may look up."""

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
from trainer.data.augmentation.words import Word, join, loose, split
from trainer.data.tagger import find_tagger
from trainer.errors import InputError

Columns = dict[str, list[str]]


@dataclass
class Lookup:
    """What methods look things up in; each part is made when it is first asked for.

    Attributes:
        task: the task's name, shown beside progress bars.
        texts: all of the task's own training texts.
        device: where models run.
    """

    task: str
    texts: Sequence[str] = ()
    device: str | torch.device = "cpu"

    @cached_property
    def thesaurus(self) -> Thesaurus:
        """WordNet.

        Raises:
            InputError: if nltk or its data is missing, with what to do.
        """
        return Thesaurus(load_wordnet())

    @cached_property
    def tagger(self) -> Callable[[Sequence[str]], list[str]] | None:
        """A part-of-speech tagger, if one is installed."""
        found = find_tagger()
        if found is None:
            print(
                f"{self.task}: no part-of-speech tagger is installed: synonyms go by a word's "
                f"commonest sense"
            )
        return found

    @cached_property
    def vocabulary(self) -> tuple[list[str], np.ndarray]:
        """Words that may stand for others, and the running sum of their frequencies, up to 1."""
        counts: Counter[str] = Counter()
        for text in self.texts:
            words = split(text)
            counts.update(words[place].core for place in loose(words))
        cores = sorted(counts)
        return cores, np.cumsum([counts[core] for core in cores]) / max(1, counts.total())

    def tags(self, words: Sequence[Word]) -> Sequence[str | None]:
        """Each word's part of speech in the Penn Treebank's names; None without a tagger."""
        if self.tagger is None:
            return [None] * len(words)
        return self.tagger([word.core or "".join(word) for word in words])


@dataclass(frozen=True)
class Method(ABC):
    """A way to rewrite a row's texts; its fields are its options in a configuration.

    Attributes:
        keeps_meaning: whether what two texts say of each other stays true.
        is_random: whether two copies of one row may differ.
    """

    keeps_meaning: ClassVar[bool] = False
    is_random: ClassVar[bool] = True

    @abstractmethod
    def __call__(
        self, columns: Columns, draws: Sequence[Generator], lookup: Lookup
    ) -> Mapping[str, list[str]]:
        """Rewrite rows.

        Args:
            columns: `text` and, for pairs, `text_pair`; one text per row each.
            draws: each row's own random numbers.
            lookup: what the method may look up.
        """


@dataclass(frozen=True)
class WordMethod(Method):
    """A method that changes single words of one text at a time.

    Attributes:
        share: how much of a text's words to change; one word at least, where any may change.
    """

    share: float = 0.1

    def __post_init__(self):
        if not 0 < self.share <= 1:
            raise InputError(f"share = {self.share}: must be above 0 and at most 1")

    @abstractmethod
    def change(self, words: list[Word], draw: Generator, lookup: Lookup) -> list[Word]:
        """The changed words; the list itself is the method's to change."""

    def __call__(self, columns, draws, lookup):
        shown = f"{type(self).__name__.lower()} for {lookup.task}"
        return {
            name: [
                join(self.change(split(text), draw, lookup))
                for text, draw in zip(tqdm(texts, desc=shown), draws, strict=True)
            ]
            for name, texts in columns.items()
        }


def pick(places: Sequence[int], count: int, draw: Generator) -> list[int]:
    """Up to `count` different places, in a random order."""
    if not places:
        return []
    return draw.choice(places, size=min(count, len(places)), replace=False).tolist()


def one_of(options: Sequence[str], draw: Generator) -> str:
    """One of several, each as likely."""
    return options[int(draw.integers(len(options)))]

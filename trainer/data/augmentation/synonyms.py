"""Replacement of words by synonyms of the same part of speech and form."""

from collections.abc import Sequence

from trainer.data.augmentation.methods import Lookup, WordMethod, one_of, pick
from trainer.data.augmentation.words import Word, count_words, replaceable
from trainer.registry import AUGMENTATIONS

VOWELS = "aeiou"


@AUGMENTATIONS.register("synonyms")
class Synonyms(WordMethod):
    """Replaces words by WordNet's synonyms of their most frequent sense."""

    citation = "eda"
    keeps_meaning = True

    def change(self, words, rng, lookup):
        synonyms = synonyms_of(words, lookup)
        for index in pick(list(synonyms), count_words(self.share, words), rng):
            words[index] = words[index]._replace(core=one_of(synonyms[index], rng))
        return words


def synonyms_of(words: Sequence[Word], lookup: Lookup) -> dict[int, list[str]]:
    """Return word index -> synonyms that agree with "a" or "an", for the words with any."""
    result: dict[int, list[str]] = {}
    tags = lookup.tags(words)
    for index in replaceable(words):
        synonyms = lookup.thesaurus.synonyms(words[index].core, tags[index])
        if index and words[index - 1].core.lower() in ("a", "an"):
            vowel = words[index - 1].core.lower() == "an"
            synonyms = [s for s in synonyms if (s[0] in VOWELS) == vowel]
        if synonyms:
            result[index] = synonyms
    return result

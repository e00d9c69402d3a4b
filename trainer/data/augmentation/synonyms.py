"""Synonym replacement: a word gives way to a synonym of the same part of speech and form."""

from collections.abc import Sequence

from trainer.data.augmentation.methods import Lookup, WordMethod, one_of, pick
from trainer.data.augmentation.words import Word, how_many, plain

VOWELS = "aeiou"


class Synonyms(WordMethod):
    """Puts WordNet's synonyms of a word's commonest sense in its place."""

    keeps_meaning = True

    def change(self, words, draw, lookup):
        found = synonyms_of(words, lookup)
        for place in pick(list(found), how_many(self.share, words), draw):
            words[place] = words[place]._replace(core=one_of(found[place], draw))
        return words


def synonyms_of(words: Sequence[Word], lookup: Lookup) -> dict[int, list[str]]:
    """Place -> synonyms that fit there, for the words that have any."""
    found: dict[int, list[str]] = {}
    tags = lookup.tags(words)
    for place in plain(words):
        synonyms = lookup.thesaurus.synonyms(words[place].core, tags[place])
        if place and words[place - 1].core.lower() in ("a", "an"):
            vowel = words[place - 1].core.lower() == "an"
            synonyms = [s for s in synonyms if (s[0] in VOWELS) == vowel]
        if synonyms:
            found[place] = synonyms
    return found

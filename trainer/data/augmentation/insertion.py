"""Random insertion, as in EDA (Wei and Zou 2019, arXiv:1901.11196)."""

from trainer.data.augmentation.methods import WordMethod, one_of, pick
from trainer.data.augmentation.synonyms import synonyms_of
from trainer.data.augmentation.words import Word, how_many, loose


class Insertion(WordMethod):
    """Puts synonyms of some words in front of others."""

    def change(self, words, draw, lookup):
        found = synonyms_of(words, lookup)
        gaps = loose(words)
        if not gaps:
            return words
        new = [
            (gaps[int(draw.integers(len(gaps)))], one_of(found[place], draw))
            for place in pick(list(found), how_many(self.share, words), draw)
        ]
        # From the end: what is inserted moves the places after it.
        for gap, core in sorted(new, reverse=True):
            words.insert(gap, Word("", core, ""))
        return words

"""Random deletion, as in EDA (Wei and Zou 2019, arXiv:1901.11196)."""

from trainer.data.augmentation.methods import WordMethod, pick
from trainer.data.augmentation.words import how_many, loose


class Deletion(WordMethod):
    """Leaves words out; never the last one of a text."""

    def change(self, words, draw, lookup):
        count = min(how_many(self.share, words), len(words) - 1)
        gone = set(pick(loose(words), count, draw))
        return [word for place, word in enumerate(words) if place not in gone]

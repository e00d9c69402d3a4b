"""Random swap, as in EDA (Wei and Zou 2019, arXiv:1901.11196)."""

from trainer.data.augmentation.methods import WordMethod, pick
from trainer.data.augmentation.words import how_many, loose


class Swap(WordMethod):
    """Lets two words change places; `share` counts the words that moved, two at least."""

    def change(self, words, draw, lookup):
        moved = pick(loose(words), max(2, how_many(self.share, words)), draw)
        for one, other in zip(moved[::2], moved[1::2], strict=False):
            words[one], words[other] = words[other], words[one]
        return words

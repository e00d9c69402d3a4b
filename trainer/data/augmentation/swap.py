"""Random swap, as in EDA (Wei and Zou 2019, arXiv:1901.11196)."""

from trainer.data.augmentation.methods import WordMethod, pick
from trainer.data.augmentation.words import count_words, movable
from trainer.registry import AUGMENTATIONS


@AUGMENTATIONS.register("swap")
class Swap(WordMethod):
    """Swaps pairs of words; `share` counts the moved words, at least two."""

    citation = "eda"

    def change(self, words, rng, lookup):
        moved = pick(movable(words), max(2, count_words(self.share, words)), rng)
        for i, j in zip(moved[::2], moved[1::2], strict=False):
            words[i], words[j] = words[j], words[i]
        return words

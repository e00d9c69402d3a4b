"""Random deletion, as in EDA (Wei and Zou 2019, arXiv:1901.11196)."""

from trainer.data.augmentation.methods import WordMethod, pick
from trainer.data.augmentation.words import count_words, movable
from trainer.registry import AUGMENTATIONS


@AUGMENTATIONS.register("deletion")
class Deletion(WordMethod):
    """Deletes words, but never all of a text."""

    citation = "eda"

    def change(self, words, rng, lookup):
        count = min(count_words(self.share, words), len(words) - 1)
        deleted = set(pick(movable(words), count, rng))
        return [word for index, word in enumerate(words) if index not in deleted]

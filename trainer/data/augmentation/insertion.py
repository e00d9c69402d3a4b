"""Random insertion, as in EDA (Wei and Zou 2019, arXiv:1901.11196)."""

from trainer.data.augmentation.methods import WordMethod, one_of, pick
from trainer.data.augmentation.synonyms import synonyms_of
from trainer.data.augmentation.words import Word, count_words, movable
from trainer.registry import AUGMENTATIONS


@AUGMENTATIONS.register("insertion")
class Insertion(WordMethod):
    """Inserts synonyms of some words before others."""

    citation = "eda"

    def change(self, words, rng, lookup):
        synonyms = synonyms_of(words, lookup)
        gaps = movable(words)
        if not gaps:
            return words
        insertions = [
            (gaps[int(rng.integers(len(gaps)))], one_of(synonyms[index], rng))
            for index in pick(list(synonyms), count_words(self.share, words), rng)
        ]
        # From the end, since an insertion shifts the indices after it.
        for gap, core in sorted(insertions, reverse=True):
            words.insert(gap, Word("", core, ""))
        return words

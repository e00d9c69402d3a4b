"""Random replacement by words of the task itself, as in Xie et al. 2017 (arXiv:1703.02573)."""

import numpy as np

from trainer.data.augmentation.methods import WordMethod, pick
from trainer.data.augmentation.words import count_words, movable
from trainer.registry import AUGMENTATIONS


@AUGMENTATIONS.register("replacement")
class Replacement(WordMethod):
    """Replaces words by words of the task's training texts, drawn by frequency."""

    def change(self, words, rng, lookup):
        cores, cumulative = lookup.vocabulary
        for index in pick(movable(words), count_words(self.share, words), rng):
            core = cores[np.searchsorted(cumulative, rng.random(), side="right")]
            words[index] = words[index]._replace(core=core)
        return words

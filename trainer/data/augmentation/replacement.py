"""Random replacement by words of the task itself, as in Xie et al. 2017 (arXiv:1703.02573)."""

import numpy as np

from trainer.data.augmentation.methods import WordMethod, pick
from trainer.data.augmentation.words import how_many, loose


class Replacement(WordMethod):
    """Puts words of the task's training texts, drawn by their frequency, in the place of others."""

    def change(self, words, draw, lookup):
        cores, running_sum = lookup.vocabulary
        for place in pick(loose(words), how_many(self.share, words), draw):
            drawn = cores[np.searchsorted(running_sum, draw.random(), side="right")]
            words[place] = words[place]._replace(core=drawn)
        return words

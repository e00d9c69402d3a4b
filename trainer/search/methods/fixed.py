"""Searches whose trials are known before the first begins: grid and random search."""

import numpy as np

from trainer.search.methods.registry import METHODS
from trainer.search.methods.settings import check_settings
from trainer.search.space import draw_sets, grid_of
from trainer.search.study import Study
from trainer.search.trials import Result, Segment, Trial


class FixedTrials:
    """Trains a list of trials from beginning to end, in their order.

    Args:
        trials: numbered from 1.

    Attributes:
        takes_more_seeds: the trials of further seeds follow, and change no earlier one.
    """

    takes_more_seeds = True

    def __init__(self, trials: list[Trial]):
        self.trials = trials
        self._asked = 0
        self._told: set[int] = set()

    def ask(self) -> Segment | None:
        """Return the next trial."""
        if self._asked == len(self.trials):
            return None
        self._asked += 1
        return Segment(self._asked)

    def tell(self, segment: Segment, result: Result) -> None:
        """Count a finished trial."""
        self._told.add(segment.trial)

    @property
    def done(self) -> bool:
        """Return whether every trial is finished."""
        return len(self._told) == len(self.trials)


@METHODS.register("grid")
class Grid(FixedTrials):
    """Every combination of the values, variants and seeds, all of one seed before the next."""

    def __init__(self, study: Study):
        check_settings(study, refuses=("trials", "interval"))
        super().__init__(every_seed(study, grid_of(study.space)))


@METHODS.register("random")
class Random(FixedTrials):
    """Values drawn independently (Bergstra and Bengio 2012), each set of them once."""

    def __init__(self, study: Study):
        check_settings(study, ("space", "trials"), ("interval",))
        random = np.random.default_rng(study.seed)
        super().__init__(every_seed(study, draw_sets(study.space, study.trials or 0, random)))


def every_seed(study: Study, values: list[dict]) -> list[Trial]:
    """Return a trial of every seed, variant and set of values, in this order."""
    keys = [
        (seed, variant, chosen)
        for seed in study.seeds
        for variant in study.variants or [""]
        for chosen in values
    ]
    return [Trial(number, *key) for number, key in enumerate(keys, start=1)]

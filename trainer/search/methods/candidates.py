"""Sets of values that are trained with every seed, and their scores."""

import math
from dataclasses import dataclass, field
from statistics import fmean

from trainer.search.study import Study
from trainer.search.trials import Result, Segment, Trial


def quality(study: Study, result: Result) -> float | None:
    """Return a score of which higher values are better; None if there is none or it is NaN."""
    if result.score is None or not math.isfinite(result.score):
        return None
    return result.score if study.greater_is_better else -result.score


@dataclass
class Candidate:
    """A set of values in a variant. It is compared with others of its variant.

    Attributes:
        trials: one for each seed.
        rung: the number of the last segment of each trial that has been asked for, from 0.
    """

    trials: list[Trial]
    rung: int = -1
    _qualities: dict[int | None, list[float | None]] = field(default_factory=dict)

    @property
    def variant(self) -> str:
        """Return the name of the variant."""
        return self.trials[0].variant

    def tell(self, segment: Segment, value: float | None) -> None:
        """Take the quality of a trial at the end of a segment."""
        self._qualities.setdefault(segment.until, []).append(value)

    def is_known(self, until: int | None) -> bool:
        """Return whether the trials of all seeds have come to a step."""
        return len(self._qualities.get(until, [])) == len(self.trials)

    def mean(self, until: int | None) -> float | None:
        """Return the mean quality over the seeds at a step; None if a trial failed."""
        known = [value for value in self._qualities[until] if value is not None]
        # fsum inside: the order of the results does not matter.
        return fmean(known) if len(known) == len(self.trials) else None

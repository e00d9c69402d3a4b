"""Population-based training."""

from dataclasses import dataclass
from typing import Any

from trainer.options import check_types
from trainer.search.methods.population import PopulationMethod, Values
from trainer.search.methods.registry import METHODS
from trainer.search.methods.settings import check_share
from trainer.search.space import Choice, Dimension
from trainer.search.study import Study

FACTORS = (0.8, 1.2)  # the paper's


@dataclass(frozen=True)
class PBTOptions:
    """Options of `PBT`.

    Attributes:
        quantile: the share of members that copy a checkpoint, and of those that are copied.
        resample: the probability with which a value is drawn anew, not perturbed.
    """

    quantile: float = 0.2
    resample: float = 0.25

    def __post_init__(self):
        check_types(self)
        check_share("quantile", self.quantile, 0.5)
        check_share("resample", self.resample)


@METHODS.register("pbt", options=PBTOptions)
class PBT(PopulationMethod):
    """Population-based training (Jaderberg et al. 2017, arXiv 1711.09846, algorithm 1).

    Exploit is truncation selection: a member of the lowest quantile copies the checkpoint and the
    values of one of the highest. Explore multiplies each value by 0.8 or 1.2 with equal
    probability, within its range; a value of a list moves to a neighbor in the list. With the
    probability `resample` a value is drawn anew instead; only so does a value of 0 change.

    Args:
        study: the study.
        config: of the method.
    """

    def __init__(self, study: Study, config: PBTOptions):
        super().__init__(study, config.quantile)
        self.config = config

    def explore(self, number: int, values: Values, donor: Values, random: Any) -> Values:
        """Return the donor's values, each perturbed or drawn anew."""
        explored = {}
        for option, dimension in self.study.space.items():
            if random.random() < self.config.resample:
                explored[option] = dimension.draw(random)
            else:
                explored[option] = perturb(dimension, donor[option], up=random.random() < 0.5)
        return explored


def perturb(dimension: Dimension, value: Any, up: bool) -> Any:
    """Return a value times 1.2 or 0.8, or the next or previous value of a list."""
    if isinstance(dimension, Choice):
        return dimension.at(dimension.position(value) + (1 if up else -1))
    return dimension.clip(value * FACTORS[up])

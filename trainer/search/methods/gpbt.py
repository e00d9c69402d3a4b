"""Generalized population-based training with pairwise learning."""

from dataclasses import dataclass
from typing import Any

from trainer.options import check_lowest, check_types
from trainer.search.methods.population import PopulationMethod, Values
from trainer.search.methods.registry import METHODS
from trainer.search.methods.settings import check_share
from trainer.search.study import Study


@dataclass(frozen=True)
class GPBTOptions:
    """Options of `GPBT`; the defaults are those of the authors' code.

    Attributes:
        quantile: the share of slow learners, and of fast ones.
        resample: the probability with which a value is drawn anew.
        inertia: w_in, the factor of the velocity so far.
        attraction: w_win, the factor of the difference to the fast learner.
    """

    quantile: float = 0.25
    resample: float = 0.25
    inertia: float = 1.0
    attraction: float = 1.0

    def __post_init__(self):
        check_types(self)
        check_share("quantile", self.quantile, 0.5)
        check_share("resample", self.resample)
        check_lowest("inertia", self.inertia, 0)
        check_lowest("attraction", self.attraction, 0)


@METHODS.register("gpbt", options=GPBTOptions)
class GPBT(PopulationMethod):
    """Generalized population-based training with pairwise learning (Bai and Cheng 2024).

    arXiv 2404.08233; the update is that of the authors' code (EMI-Group/gpbt-pl). A slow learner
    loads the checkpoint of a fast one and moves its own values h towards the fast one's, each by a
    velocity v, from 0:

        v <- w_in r1 v + w_win r2 (h_fast - h_slow),    h_slow <- clip(h_slow + v)

    with r1 and r2 uniform in (0, 1), for each value anew. With the probability `resample` a value
    is drawn anew instead, and its velocity stays.

    Values of ranges with `log: true` move on the scale of their logarithm, unlike in the authors'
    code, where all scales are linear; of a list, the index moves.

    Args:
        study: the study.
        config: of the method.
    """

    def __init__(self, study: Study, config: GPBTOptions):
        super().__init__(study, config.quantile)
        self.config = config
        self.velocities = {t.number: dict.fromkeys(study.space, 0.0) for t in self.trials}

    def explore(self, number: int, values: Values, donor: Values, random: Any) -> Values:
        """Return the member's values, each moved towards the donor's or drawn anew."""
        velocities, explored = self.velocities[number], {}
        for option, dimension in self.study.space.items():
            if random.random() < self.config.resample:
                explored[option] = dimension.draw(random)
                continue
            position = dimension.position(values[option])
            distance = dimension.position(donor[option]) - position
            inertia = self.config.inertia * random.random() * velocities[option]
            velocities[option] = inertia + self.config.attraction * random.random() * distance
            explored[option] = dimension.at(position + velocities[option])
        return explored

"""What population-based methods have in common: rounds, selection, and copies of checkpoints."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trainer.errors import InputError
from trainer.search.methods.candidates import quality
from trainer.search.methods.changeable import check_changeable
from trainer.search.methods.fixed import every_seed
from trainer.search.methods.settings import check_settings
from trainer.search.space import draw_values
from trainer.search.study import Study
from trainer.search.trials import Result, Segment

Values = dict[str, Any]


@dataclass
class Group:
    """The members of one population: trials of the same seed and variant.

    Attributes:
        values: of each member in the current round; its trial's number -> option -> value.
        random: of the decisions of this population.
        round: the number of the round, from 0.
        waiting: the segments of the round that have not been asked for.
        qualities: of the members whose segment of the round is finished; None if it failed.
    """

    values: dict[int, Values]
    random: np.random.Generator
    round: int = 0
    waiting: list[Segment] = field(default_factory=list)
    qualities: dict[int, float | None] = field(default_factory=dict)
    done: bool = False


class PopulationMethod(ABC):
    """Trains a population in rounds, between which the worst members copy the best.

    After each round of `interval` cycles the n worst members take a checkpoint of one of the n best
    each, drawn uniformly, and new values; the others go on. A failed member always does so.
    The rounds are synchronous: results may come in any order.

    Every seed and variant has a population of its own, of `trials` members with the same first
    values. The members of a population have the same seed, thus the same batches.

    Args:
        study: the study.
        quantile: q, with n = min(ceil(q N), floor(N / 2)) for N members.

    Attributes:
        trials: with the values of the first round.
        segments: those that have been asked for, in their order.

    Raises:
        InputError: for settings that cannot work, and for options that may not change while
            training goes on.
    """

    copies = True

    def __init__(self, study: Study, quantile: float):
        check_settings(study, ("space", "trials", "cycles", "interval"), ("minutes",))
        check_changeable(study)
        self.size = study.trials or 0
        if self.size < 2:
            raise InputError(f"trials = {self.size}: a population needs two members or more")
        self.study, self.quantile = study, quantile
        self.ends = ends_of(study)
        random = np.random.default_rng(study.seed)
        self.trials = every_seed(
            study, [draw_values(study.space, random) for _ in range(self.size)]
        )
        self.segments: list[Segment] = []
        self._groups: list[Group] = []
        for first in range(0, len(self.trials), self.size):
            members = self.trials[first : first + self.size]
            decisions = np.random.default_rng([study.seed, len(self._groups)])
            group = Group({t.number: dict(t.values) for t in members}, decisions)
            group.waiting = self._segments(group, {})
            self._groups.append(group)

    @abstractmethod
    def explore(self, number: int, values: Values, donor: Values, random: Any) -> Values:
        """Return the new values of a member that copies a checkpoint.

        Args:
            number: of its trial.
            values: its values so far.
            donor: the values of the member whose checkpoint it copies.
            random: the generator of the population.
        """

    def ask(self) -> Segment | None:
        """Return a segment of the current round of the first population that has one."""
        group = next((group for group in self._groups if group.waiting), None)
        if group is None:
            return None
        self.segments.append(group.waiting.pop(0))
        return self.segments[-1]

    def tell(self, segment: Segment, result: Result) -> None:
        """Take a result; after the last of a round, decide on the next round."""
        group = self._groups[(segment.trial - 1) // self.size]
        group.qualities[segment.trial] = quality(self.study, result)
        if len(group.qualities) < self.size:
            return
        failed = all(value is None for value in group.qualities.values())
        if failed or group.round == len(self.ends) - 1:
            group.done = True
            return
        donors = self._exploit(group)
        group.round += 1
        group.qualities = {}
        group.waiting = self._segments(group, donors)

    @property
    def done(self) -> bool:
        """Return whether every population is trained to its end, or all its members failed."""
        return all(group.done for group in self._groups)

    def _exploit(self, group: Group) -> dict[int, int]:
        """Give members that copy a checkpoint new values; return member -> donor."""
        best, worst = select(group.qualities, self.quantile)
        old, donors = dict(group.values), {}
        for number in sorted(worst):
            donor = donors[number] = best[int(group.random.integers(len(best)))]
            group.values[number] = self.explore(number, old[number], old[donor], group.random)
        return donors

    def _segments(self, group: Group, donors: Mapping[int, int]) -> list[Segment]:
        """Return the segments of a round; copies come first, while the donors' checkpoints last."""
        start = self.ends[group.round - 1] if group.round else 0
        segments = [
            Segment(number, self.ends[group.round], start or 0, donors.get(number), values)
            for number, values in group.values.items()
        ]
        return sorted(segments, key=lambda segment: segment.donor is None)


def select(qualities: Mapping[int, float | None], quantile: float) -> tuple[list[int], list[int]]:
    """Return the n best and the n worst members; of failed ones, all are among the worst.

    Args:
        qualities: member -> a value of which higher ones are better; None if it failed. Of equal
            ones the lower number is better.
        quantile: q, with n = min(ceil(q N), floor(N / 2)) for N members.
    """
    succeeded = {number: value for number, value in qualities.items() if value is not None}
    ranked = sorted(succeeded, key=lambda number: (-succeeded[number], number))
    failed = [number for number in qualities if number not in succeeded]
    # 0.28 * 25 is 7.000000000000001.
    count = min(math.ceil(quantile * len(qualities) - 1e-9), len(qualities) // 2)
    best = ranked[: max(count, 1)]
    worst = (ranked[len(best) :] + failed)[-max(count, len(failed)) :] if count or failed else []
    return best, worst


def ends_of(study: Study) -> list[int | None]:
    """Return the last step of every interval of a run; None for the end of training.

    Raises:
        InputError: if there is one interval only.
    """
    cycles, interval = study.cycles or 0, study.interval or 0
    if interval >= cycles:
        raise InputError(f"interval = {interval}: must be below cycles = {cycles}")
    return [*range(interval, cycles, interval), None]

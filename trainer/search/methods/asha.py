"""Asynchronous successive halving."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.errors import InputError
from trainer.options import check_lowest, check_types
from trainer.search.methods.candidates import Candidate, quality
from trainer.search.methods.registry import METHODS
from trainer.search.methods.settings import check_settings
from trainer.search.space import draw_values
from trainer.search.study import Study
from trainer.search.trials import Result, Segment, Trial


@dataclass(frozen=True)
class ASHAOptions:
    """Options of `ASHA`.

    Attributes:
        reduction_factor: eta; one of so many candidates of a rung is promoted.
    """

    reduction_factor: int = 4

    def __post_init__(self):
        check_types(self)
        check_lowest("reduction_factor", self.reduction_factor, 2)


@METHODS.register("asha", options=ASHAOptions)
class ASHA:
    """Asynchronous successive halving (Li et al. 2020, arXiv 1810.05934, algorithm 2).

    Rung k ends after r eta^k cycles, r being the study's `interval`, and the last with the run. A
    candidate, a set of values drawn at random, is promoted to the next rung as soon as it is in the
    top 1/eta of those that finished its rung; if none can be promoted, a new candidate begins.

    Every variant has rungs of its own, of the same sets of values. A candidate is trained with
    every seed; its score is their mean. One with a failed run counts in its rung, as the last.

    Args:
        study: the study.
        config: of the method.

    Raises:
        InputError: for settings with which no candidate would be trained to its end.
    """

    def __init__(self, study: Study, config: ASHAOptions):
        check_settings(study, ("space", "trials", "cycles", "interval"), ("minutes",))
        self.study, self.factor = study, config.reduction_factor
        self.rungs = _rungs(study, config.reduction_factor)
        self.trials: list[Trial] = []
        self._candidates = self._draw()
        self._of_trial = {t.number: c for c in self._candidates for t in c.trials}
        self._next: list[Segment] = []
        self._running: set[Any] = set()

    def _draw(self) -> list[Candidate]:
        random = np.random.default_rng(self.study.seed)
        candidates = []
        for _ in range(self.study.trials or 0):
            values = draw_values(self.study.space, random)
            for variant in self.study.variants or [""]:
                first = len(self.trials) + 1
                trials = [
                    Trial(number, seed, variant, values)
                    for number, seed in enumerate(self.study.seeds, start=first)
                ]
                self.trials += trials
                candidates.append(Candidate(trials))
        return candidates

    def ask(self) -> Segment | None:
        """Return a segment of a promoted candidate, or else of a new one."""
        if not self._next and (candidate := self._promotable() or self._new()):
            candidate.rung += 1
            start = self.rungs[candidate.rung - 1] if candidate.rung else 0
            until = self.rungs[candidate.rung]
            self._next = [Segment(t.number, until, start or 0) for t in candidate.trials]
        if not self._next:
            return None
        segment = self._next.pop(0)
        self._running.add(segment.key)
        return segment

    def tell(self, segment: Segment, result: Result) -> None:
        """Take the result of a segment."""
        self._running.remove(segment.key)
        self._of_trial[segment.trial].tell(segment, quality(self.study, result))

    @property
    def done(self) -> bool:
        """Return whether nothing is running, and no candidate can begin or be promoted."""
        return not (self._next or self._running or self._new() or self._promotable())

    def _new(self) -> Candidate | None:
        return next((c for c in self._candidates if c.rung < 0), None)

    def _promotable(self) -> Candidate | None:
        """Return the best candidate that can be promoted, from the highest rung possible."""
        for rung in reversed(range(len(self.rungs) - 1)):
            for variant in self.study.variants or [""]:
                for candidate in self._top(variant, self.rungs[rung]):
                    if candidate.rung == rung:
                        return candidate
        return None

    def _top(self, variant: str, until: int | None) -> list[Candidate]:
        """Return the top 1/eta of the candidates that finished a rung, from the best on."""
        finished = [c for c in self._candidates if c.variant == variant and c.is_known(until)]
        means = [(mean, c) for c in finished if (mean := c.mean(until)) is not None]
        means.sort(key=lambda pair: pair[0], reverse=True)
        return [candidate for _, candidate in means[: len(finished) // self.factor]]


def _rungs(study: Study, factor: int) -> list[int | None]:
    """Return the last step of every rung; None for the end of training."""
    cycles, interval, trials = study.cycles or 0, study.interval or 0, study.trials or 0
    ends: list[int | None] = []
    while interval < cycles:
        ends.append(interval)
        interval *= factor
    if not ends:
        raise InputError(
            f"interval = {study.interval}: the first rung must end before cycles = {cycles}"
        )
    if trials < factor ** len(ends):
        raise InputError(
            f"trials = {trials}: none would be trained to its end: of {factor ** len(ends)}, one "
            f"passes the rungs after {', '.join(map(str, ends))} cycles with reduction_factor = "
            f"{factor}; draw more, or set a longer interval"
        )
    return [*ends, None]

"""Optuna's tree-structured Parzen estimator."""

from dataclasses import dataclass
from typing import Any

from trainer.extras import import_extra
from trainer.options import check_lowest, check_types
from trainer.search.methods.candidates import Candidate, quality
from trainer.search.methods.registry import METHODS
from trainer.search.methods.settings import check_settings
from trainer.search.space import Choice, Dimension
from trainer.search.study import Study
from trainer.search.trials import Result, Segment, Trial


@dataclass(frozen=True)
class TPEOptions:
    """Options of `TPE`.

    Attributes:
        startup_trials: the number of sets of values that are drawn at random at first.
        candidates: the number of draws of which the one with the highest expected improvement is
            trained.
    """

    startup_trials: int = 10
    candidates: int = 24

    def __post_init__(self):
        check_types(self)
        check_lowest("startup_trials", self.startup_trials, 0)
        check_lowest("candidates", self.candidates, 1)


@METHODS.register("tpe", options=TPEOptions)
class TPE:
    """The tree-structured Parzen estimator (Bergstra et al. 2011) of Optuna, the package.

    Each variant is searched on its own. A set of values is trained with every seed; its score is
    their mean. One with a failed run is left out.

    Args:
        study: the study.
        config: of the method.

    Raises:
        InputError: for wrong settings, and if Optuna is not installed.
    """

    def __init__(self, study: Study, config: TPEOptions):
        check_settings(study, ("space", "trials"), ("interval",))
        self.study = study
        self.optuna = import_extra("optuna", "search", "method: tpe")
        self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
        self.trials: list[Trial] = []
        self._studies = {variant: self._study(config) for variant in study.variants or [""]}
        self._distributions = {o: self._distribution(d) for o, d in study.space.items()}
        self._candidates: list[tuple[Candidate, Any]] = []  # with its trial of Optuna
        self._next: list[Segment] = []
        self._unfinished = 0

    def _study(self, config: TPEOptions) -> Any:
        sampler = self.optuna.samplers.TPESampler(
            n_startup_trials=config.startup_trials,
            n_ei_candidates=config.candidates,
            seed=self.study.seed,
            # Keeps candidates that are trained at the same time apart.
            constant_liar=True,
        )
        return self.optuna.create_study(sampler=sampler, direction="maximize")

    def _distribution(self, dimension: Dimension) -> Any:
        """Return the distribution of a range's numbers, or of a list's indices."""
        distributions = self.optuna.distributions
        if not isinstance(dimension, Choice):
            return distributions.FloatDistribution(dimension.low, dimension.high, dimension.log)
        last = len(dimension.values) - 1
        if dimension.is_ordered:
            return distributions.IntDistribution(0, last)
        return distributions.CategoricalDistribution(list(range(last + 1)))

    def ask(self) -> Segment | None:
        """Return the next seed of a set of values, or else the first of a new set."""
        if not self._next and len(self._candidates) < self._total:
            self._next = [Segment(trial.number) for trial in self._sample().trials]
        return self._next.pop(0) if self._next else None

    @property
    def _total(self) -> int:
        return len(self._studies) * (self.study.trials or 0)

    def _sample(self) -> Candidate:
        variants = list(self._studies)
        variant = variants[len(self._candidates) % len(variants)]
        sampled = self._studies[variant].ask(self._distributions)
        values = {
            option: dimension.values[sampled.params[option]]
            if isinstance(dimension, Choice)
            else float(sampled.params[option])
            for option, dimension in self.study.space.items()
        }
        first = len(self.trials) + 1
        trials = [Trial(n, seed, variant, values) for n, seed in enumerate(self.study.seeds, first)]
        candidate = Candidate(trials)
        self.trials += trials
        self._candidates.append((candidate, sampled))
        self._unfinished += len(trials)
        return candidate

    def tell(self, segment: Segment, result: Result) -> None:
        """Take the result of a run; with the last of its candidate, tell Optuna their mean."""
        self._unfinished -= 1
        candidate, sampled = self._candidates[(segment.trial - 1) // len(self.study.seeds)]
        candidate.tell(segment, quality(self.study, result))
        if candidate.is_known(None):
            mean = candidate.mean(None)
            state = self.optuna.trial.TrialState
            outcome = state.COMPLETE if mean is not None else state.FAIL
            self._studies[candidate.variant].tell(sampled, mean, outcome)

    @property
    def done(self) -> bool:
        """Return whether all sets of values have been drawn, and all their runs are finished."""
        return len(self._candidates) == self._total and not self._unfinished

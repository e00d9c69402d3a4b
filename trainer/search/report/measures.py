"""What a study measures: its metric, and the main metric of each task."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.config.parser import parse_config
from trainer.evaluation.overall import ScorePart, overall_score, scored
from trainer.search.study import METRIC_PREFIX, Study
from trainer.search.trials import Result, Trial

OVERALL = f"{METRIC_PREFIX}overall"


@dataclass(frozen=True)
class Measures:
    """What a study compares.

    The overall score is that of the baseline's tasks and weights for all runs, since a mean over
    other tasks is not comparable.

    Attributes:
        metric: the study's metric.
        parts: task of the baseline -> its part in the overall score.
    """

    metric: str
    parts: dict[str, ScorePart]

    @classmethod
    def of(cls, study: Study, folder: Path | None = None) -> "Measures":
        """Return what a study's runs measure.

        Args:
            study: the study, whose options are checked.
            folder: in which the configuration's extensions may lie.
        """
        values = {option: dimension.extremes[0] for option, dimension in study.space.items()}
        trial = Trial(1, study.seeds[0], study.baseline or "", values)
        settings = parse_config(study.options_of(trial), "study", folder)
        return cls(study.study_metric, settings.training.score_parts(settings.task_configs))

    @property
    def shown(self) -> list[str]:
        """Return the metrics of the tables: the study's, and the main ones of scored tasks."""
        tasks = (f"{METRIC_PREFIX}{task}_{p.metric}" for task, p in scored(self.parts).items())
        return list(dict.fromkeys([self.metric, *tasks]))

    def score(self, result: Result) -> float | None:
        """Return the study's metric of a result, None if it does not measure it."""
        return self.with_overall(result.metrics).get(self.metric)

    def with_overall(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return metrics with the overall score of the baseline's tasks, if all are measured."""
        found = {name: value for name, value in metrics.items() if name != OVERALL}
        tasks = scored(self.parts).items()
        if all(f"{METRIC_PREFIX}{task}_{part.metric}" in found for task, part in tasks):
            found[OVERALL] = overall_score(found, self.parts)
        return found

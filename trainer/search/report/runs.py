"""The runs of a study, from the results of their segments."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.search.report.measures import Measures
from trainer.search.trials import Result, Segment, Trial


@dataclass(frozen=True)
class Run:
    """A trial with its result.

    Attributes:
        trial: the trial.
        metrics: at the end of its last segment, with the overall score of the baseline's tasks.
        score: the study's metric; None if the run failed or does not measure it.
        seconds: of all its segments.
        paused: the cycle at which its last segment ended; None if it was trained to the end.
        error: why it failed.
        scheduled: whether its values changed during training, or its weights are partly another
            run's.
    """

    trial: Trial
    metrics: Mapping[str, float]
    score: float | None
    seconds: float
    paused: int | None = None
    error: str | None = None
    scheduled: bool = False

    @property
    def finished(self) -> bool:
        """Return whether the run was trained to the end."""
        return self.paused is None and self.error is None

    @property
    def key(self) -> tuple[str, str]:
        """Return what runs share that differ in nothing but their seeds."""
        return self.trial.variant, key_of(self.trial.values)


def collect_runs(
    trials: Sequence[Trial], results: Iterable[tuple[Segment, Result]], measures: Measures
) -> list[Run]:
    """Return the runs that have a result, in the order of their trials."""
    found: dict[int, Run] = {}
    for segment, result in results:
        before = found.get(segment.trial)
        metrics = measures.with_overall(result.metrics)
        found[segment.trial] = Run(
            trials[segment.trial - 1],
            metrics,
            None if result.error else metrics.get(measures.metric),
            result.seconds + (before.seconds if before else 0.0),
            segment.until,
            result.error,
            segment.donor is not None
            or any(trials[segment.trial - 1].values.get(o) != v for o, v in segment.values.items())
            or (before is not None and before.scheduled),
        )
    return [found[number] for number in sorted(found)]


def key_of(values: Mapping[str, Any]) -> str:
    """Return values as a key."""
    return json.dumps(dict(values), sort_keys=True, default=str)

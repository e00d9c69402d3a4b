"""What is kept of each window: its results and its trends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.monitoring.answers import Answers, TaskKind
from trainer.monitoring.compare import Result
from trainer.monitoring.feedback import FeedbackCounts
from trainer.monitoring.reference import Rates

QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Trends:
    """The values of a task in a window, for the report.

    Attributes:
        n: the number of answers.
        labels: the share of answers with each label.
        quartiles: measure -> the quartiles of its values; measures without values are left out.
        unknown: the mean share of unknown words; None without values.
        truncated: the share of truncated texts.
    """

    n: int
    labels: Mapping[str, float]
    quartiles: Mapping[str, tuple[float, ...]]
    unknown: float | None
    truncated: float


@dataclass(frozen=True)
class WindowRecord:
    """A window without its answers.

    Attributes:
        number: of the window, from 0.
        start: the time of its beginning, in seconds.
        end: the time of its end, in seconds.
        trends: task -> its values.
        feedback: task -> the feedback.
        results: of all checks.
    """

    number: int
    start: float
    end: float
    trends: Mapping[str, Trends]
    feedback: Mapping[str, FeedbackCounts]
    results: Sequence[Result]


def trends_of_answers(answers: Answers, kind: TaskKind) -> Trends:
    """Return the values of a window's answers, one or more."""
    shares = answers.hits.mean(axis=0)
    samples = {name: answers.known(name) for name in answers.numbers}
    return _trends(len(answers), shares, kind, samples, float(answers.truncated.mean()))


def trends_of_rates(rates: Rates, kind: TaskKind) -> Trends:
    """Return the values of a reference."""
    n = max(rates.n, 1)
    return _trends(rates.n, rates.hits / n, kind, rates.samples, rates.truncated / n)


def _trends(
    n: int, shares: np.ndarray, kind: TaskKind, samples: Mapping[str, np.ndarray], truncated: float
) -> Trends:
    quartiles = {
        name: tuple(map(float, np.quantile(samples[name], QUARTILES)))
        for name in ("score", "confidence", "tokens")
        if len(samples.get(name, ()))
    }
    unknown = samples.get("unknown", np.zeros(0))
    return Trends(
        n,
        dict(zip(kind.labels, map(float, shares), strict=True)),
        quartiles,
        float(unknown.mean()) if len(unknown) else None,
        truncated,
    )

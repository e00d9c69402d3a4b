"""Means over seeds, paired differences, and the correction for several comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean and its 95% interval.

    Attributes:
        value: the mean.
        runs: the number of values.
        low: the lower end of the interval; None for one value.
        high: the upper end.
    """

    value: float
    runs: int
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        """Return the mean of one or more values, with Student's t interval."""
        mean, runs = float(np.mean(values)), len(values)
        if runs == 1:
            return cls(mean, runs)
        half = _quantile(runs) * _standard_error(values)
        return cls(mean, runs, mean - half, mean + half)


@dataclass(frozen=True)
class Difference:
    """The differences of runs to the baseline's runs with the same seeds.

    Attributes:
        mean: their mean and its interval.
        p: of the paired t-test, two-sided; None for one run, and without any spread: equal
            differences, as of a few rows of a small validation set, say nothing about others.
    """

    mean: Mean
    p: float | None

    @classmethod
    def of(cls, scores: Mapping[int, float], baseline: Mapping[int, float]) -> "Difference | None":
        """Return the difference over the seeds that both have; None if there are none.

        Args:
            scores: seed -> score.
            baseline: seed -> score of the baseline.
        """
        values = [scores[seed] - baseline[seed] for seed in scores if seed in baseline]
        if not values:
            return None
        return cls(Mean.of(values), _p_value(values))

    def verdict(self, greater_is_better: bool, corrected: float | None) -> str:
        """Return what the runs show, in words.

        Args:
            greater_is_better: whether higher scores are better.
            corrected: p after the correction for several comparisons.
        """
        mean = self.mean
        if mean.low is None or mean.high is None:
            return "one run"
        if self.p is None:
            return "the same difference in all runs"
        if mean.low <= 0 <= mean.high:
            return "no difference shown"
        found = "better" if (mean.value > 0) == greater_is_better else "worse"
        if corrected is not None and corrected > 1 - LEVEL:
            return f"{found}, but not after the correction"
        return found


@cache
def _quantile(runs: int) -> float:
    """Return half the width of the interval of a mean, in standard errors."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, runs - 1))


def _standard_error(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) / len(values) ** 0.5


def _p_value(values: Sequence[float]) -> float | None:
    """Return p of the t-test that the mean is zero; None if it is undefined."""
    if len(values) == 1:
        return None
    from scipy.stats import t

    mean, error = float(np.mean(values)), _standard_error(values)
    if error <= 1e-12 * abs(mean):
        return None if mean else 1.0
    return float(2 * t.sf(abs(mean) / error, len(values) - 1))

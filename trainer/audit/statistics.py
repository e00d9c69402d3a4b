"""Intervals and tests of means and correlations, and detectable differences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trainer.statistics import LEVEL, Difference, Interval

# A difference is reported with this power at the corrected level of significance.
POWER = 0.8
# Of probabilities that are computed in batches of other shapes.
_ROUNDING = 1e-5
_Z = float(stats.norm.ppf((1 + LEVEL) / 2))


@dataclass(frozen=True)
class Estimate:
    """A value of some rows.

    Attributes:
        n: the number of rows.
        value: None if it is undefined.
        interval: the ends of its 95% interval; None if it is undefined.
        undefined: the reason why the value or its interval is undefined.
    """

    n: int
    value: float | None = None
    interval: Interval | None = None
    undefined: str | None = None


def mean_interval(values: NDArray[np.float64]) -> Interval:
    """Return the interval of the mean of two or more values (Student's t)."""
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)


def compare_means(values: NDArray[np.float64], others: NDArray[np.float64]) -> Difference:
    """Compare the means of two samples of two or more values (Welch's test)."""
    value = float(values.mean() - others.mean())
    error = float(np.hypot(stats.sem(values), stats.sem(others)))
    if error == 0:  # all values of a sample are equal
        return Difference(value, (value, value), float(value == 0), 0.0)
    test = stats.ttest_ind(values, others, equal_var=False)
    ends = test.confidence_interval(LEVEL)
    return Difference(value, (float(ends.low), float(ends.high)), float(test.pvalue), error)


def paired_p(differences: NDArray[np.float64]) -> float:
    """Return p of the test that the mean of paired differences is 0 (Student's t).

    It is 1 for a single difference, and for differences that rounding alone makes.
    """
    if len(differences) < 2 or np.abs(differences).max() < _ROUNDING:
        return 1.0
    if np.ptp(differences) < _ROUNDING:
        return 0.0
    return float(stats.ttest_1samp(differences, 0).pvalue)


def correlation_interval(correlation: float, n: int) -> Interval:
    """Return the interval of Pearson's correlation of four or more rows (Fisher's z)."""
    z, half = _fisher_z(correlation), _Z / np.sqrt(n - 3)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def compare_correlations(correlation: float, n: int, other: float, other_n: int) -> Difference:
    """Compare the correlations of two samples of four or more rows (Zou 2007, Fisher's z)."""
    low, high = correlation_interval(correlation, n)
    other_low, other_high = correlation_interval(other, other_n)
    value = correlation - other
    below = np.hypot(correlation - low, other_high - other)
    above = np.hypot(high - correlation, other - other_low)
    error = np.sqrt(1 / (n - 3) + 1 / (other_n - 3))
    p = 2 * stats.norm.sf(abs(_fisher_z(correlation) - _fisher_z(other)) / error)
    # On the scale of correlations, by the slope of tanh at the others' correlation.
    error *= 1 - other**2
    return Difference(value, (float(value - below), float(value + above)), float(p), float(error))


def _fisher_z(correlation: float) -> float:
    return float(np.arctanh(np.clip(correlation, -1 + 1e-9, 1 - 1e-9)))


def smallest_detectable(standard_error: float, tests: int) -> float:
    """Return the true difference that is found with a probability of 80%.

    Found: with p below 5% after Bonferroni's correction, which is Holm's for the smallest p.

    Args:
        standard_error: of the difference.
        tests: the number of tests.
    """
    level = (1 - LEVEL) / max(tests, 1)
    return float((stats.norm.isf(level / 2) + stats.norm.ppf(POWER)) * standard_error)

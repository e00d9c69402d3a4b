"""Intervals, tests and detectable differences of shares, means and correlations."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
# A difference is reported with this power at the corrected level of significance.
POWER = 0.8
# Below this expected count, the chi-square test is inaccurate (Cochran 1954).
_MIN_EXPECTED = 5
# Of probabilities that are computed in batches of other shapes.
_ROUNDING = 1e-5
_Z = float(stats.norm.ppf((1 + LEVEL) / 2))

Interval = tuple[float, float]
Key = TypeVar("Key", bound=Hashable)


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


@dataclass(frozen=True)
class Difference:
    """The value of some rows minus that of all others.

    Attributes:
        value: the difference.
        interval: the ends of its 95% interval.
        p: of the test that there is none.
        standard_error: of the difference if there is none.
    """

    value: float
    interval: Interval
    p: float
    standard_error: float


def wilson(count: int, n: int) -> Interval:
    """Return the interval of a share of `n` rows, 1 or more (Wilson 1927)."""
    share, spread = count / n, _Z**2 / n
    center = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * np.sqrt(share * (1 - share) / n + spread / (4 * n))
    # The ends at 0 and at n rows are exact, where rounding would exclude the share itself.
    low = 0.0 if count == 0 else max(0.0, center - half)
    high = 1.0 if count == n else min(1.0, center + half)
    return float(low), float(high)


def compare_shares(count: int, n: int, other_count: int, other_n: int) -> Difference:
    """Compare two independent shares: Newcombe's hybrid interval (1998), and `_share_p`."""
    share, other = count / n, other_count / other_n
    low, high = wilson(count, n)
    other_low, other_high = wilson(other_count, other_n)
    value = share - other
    below = np.hypot(share - low, other_high - other)
    above = np.hypot(high - share, other - other_low)
    # One success and one failure are added, since a share of 0 has no spread.
    pooled = (count + other_count + 1) / (n + other_n + 2)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / other_n))
    p = _share_p(np.array([[count, n - count], [other_count, other_n - other_count]]))
    return Difference(value, (float(value - below), float(value + above)), p, float(error))


def _share_p(table: NDArray[np.int64]) -> float:
    """Return p of equal shares by the chi-square test, or Fisher's exact one if counts are small.

    Args:
        table: the counts of rows with and without the property in both samples, (2, 2).
    """
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if expected.min() < _MIN_EXPECTED:
        return float(stats.fisher_exact(table).pvalue)
    return float(stats.chi2.sf(((table - expected) ** 2 / expected).sum(), 1))


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


def holm(p: Mapping[Key, float]) -> dict[Key, float]:
    """Return the p-values after Holm's correction (1979) for testing all of them."""
    corrected: dict[Key, float] = {}
    largest = 0.0
    for rank, key in enumerate(sorted(p, key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[key]))
        corrected[key] = largest
    return corrected

"""Intervals and tests of shares, and p-values corrected for several tests."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
# A corrected p below this is significant.
SIGNIFICANCE = 0.05
# Below this expected count, the chi-square test is inaccurate (Cochran 1954).
MIN_EXPECTED = 5
_Z = float(stats.norm.ppf((1 + LEVEL) / 2))

Interval = tuple[float, float]
Key = TypeVar("Key", bound=Hashable)


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
    if expected.min() < MIN_EXPECTED:
        return float(stats.fisher_exact(table).pvalue)
    return float(stats.chi2.sf(((table - expected) ** 2 / expected).sum(), 1))


def holm(p: Mapping[Key, float]) -> dict[Key, float]:
    """Return the p-values after Holm's correction (1979) for testing all of them."""
    corrected: dict[Key, float] = {}
    largest = 0.0
    for rank, key in enumerate(sorted(p, key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[key]))
        corrected[key] = largest
    return corrected

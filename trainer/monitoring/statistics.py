"""Tests of whether two samples of answers are from the same distribution.

Each has an effect besides p: of many rows, p is small for differences that do not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trainer.statistics import MIN_EXPECTED, SIGNIFICANCE, compare_shares

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

# Permutations of a first look; more are drawn only if p may be small.
FIRST_PERMUTATIONS = 199
# p below this after the first permutations is computed again with all of them.
SECOND_LOOK = 0.05
# Rows and pairs of vectors that the median distance is computed from.
_MEDIAN_ROWS = 500
# Permuted tables, or vectors' signs, at once.
_BLOCK = 1000


@dataclass(frozen=True)
class Shift:
    """A difference between a window and the reference.

    Attributes:
        effect: its size, 0 or more.
        p: of the test that there is none.
        n: the number of the window's rows.
        reference_n: that of the reference's.
    """

    effect: float
    p: float
    n: int
    reference_n: int


def compare_counts(
    counts: Counts, reference: Counts, permutations: int, random: np.random.Generator
) -> Shift:
    """Compare two samples of classes by the chi-square test, by permutation if counts are small.

    The effect is the total variation distance: the share of rows of another class.

    Args:
        counts: of each class in the window, (C,), not all 0.
        reference: of each class in the reference, (C,), not all 0.
        permutations: the number of permuted tables, if they are needed.
        random: draws these.
    """
    used = (counts + reference) > 0
    table = np.stack([counts[used], reference[used]])
    n, reference_n = int(counts.sum()), int(reference.sum())
    effect = float(np.abs(counts / n - reference / reference_n).sum() / 2)
    if used.sum() < 2:
        return Shift(effect, 1.0, n, reference_n)
    total = table.sum(axis=0)
    expected = np.outer([n, reference_n], total) / total.sum()
    observed = float(((table - expected) ** 2 / expected).sum())
    if expected.min() >= MIN_EXPECTED:
        return Shift(effect, float(stats.chi2.sf(observed, len(total) - 1)), n, reference_n)

    def exceeding(count: int) -> int:
        first = random.multivariate_hypergeometric(total, n, size=count)
        deviations = (first - expected[0]) ** 2
        values = (deviations * (1 / expected[0] + 1 / expected[1])).sum(axis=1)
        return int((values >= observed * (1 - 1e-9)).sum())

    return Shift(effect, _permutation_p(exceeding, permutations), n, reference_n)


def compare_values(values: Floats, reference: Floats) -> Shift:
    """Compare two samples of numbers by the Kolmogorov-Smirnov test.

    The effect is its statistic, the largest difference of the two cumulative shares. Of values
    with many ties, p is too large rather than too small.

    Args:
        values: of the window, (N,), one or more.
        reference: sorted or not, (M,), one or more.
    """
    n, reference_n = len(values), len(reference)
    statistic = _largest_gap(np.sort(values), np.sort(reference))
    # The distribution of the statistic for many rows, with Stephens' correction for fewer.
    size = np.sqrt(n * reference_n / (n + reference_n))
    p = float(stats.kstwobign.sf((size + 0.12 + 0.11 / size) * statistic))
    return Shift(statistic, min(1.0, p), n, reference_n)


def _largest_gap(values: Floats, reference: Floats) -> float:
    both = np.concatenate([values, reference])
    below = np.searchsorted(values, both, side="right") / len(values)
    reference_below = np.searchsorted(reference, both, side="right") / len(reference)
    return float(np.abs(below - reference_below).max())


def compare_rates(count: int, n: int, reference_count: int, reference_n: int) -> Shift:
    """Compare two shares of rows; the effect is their absolute difference."""
    found = compare_shares(count, n, reference_count, reference_n)
    return Shift(abs(found.value), found.p, n, reference_n)


def compare_label_rates(hits: Counts, n: int, reference_hits: Counts, reference_n: int) -> Shift:
    """Compare the share of rows with each label, where a row may have several.

    The effect is the largest difference; p is the smallest, times the number of labels.

    Args:
        hits: rows of the window with each label, (C,).
        n: rows of the window.
        reference_hits: rows of the reference with each label, (C,).
        reference_n: rows of the reference.
    """
    found = [
        compare_rates(int(count), n, int(reference), reference_n)
        for count, reference in zip(hits, reference_hits, strict=True)
    ]
    p = min(1.0, len(found) * min(each.p for each in found))
    return Shift(max(each.effect for each in found), p, n, reference_n)


class VectorSample:
    """The reference's vectors, prepared for comparisons by maximum mean discrepancy.

    The kernel is Gaussian, with the median distance between the reference's vectors as its width
    (Gretton 2012).

    Args:
        vectors: of M texts, (M, H), two or more.
    """

    def __init__(self, vectors: NDArray[np.floating]):
        self.vectors: Floats = np.asarray(vectors, dtype=np.float64)
        self.scale = _median_square(self.vectors[:_MEDIAN_ROWS])
        self._kernel = self._similarity(self.vectors, self.vectors)

    def compare(self, vectors: Floats, permutations: int, random: np.random.Generator) -> Shift:
        """Compare the vectors of a window with the reference's.

        The effect is the root of the unbiased estimate of the squared discrepancy, 0 if that is
        negative; p is by permutation.

        Args:
            vectors: (N, H), two or more.
            permutations: their number, if the first few do not exclude a small p.
            random: draws them.
        """
        vectors = np.asarray(vectors, dtype=np.float64)
        n, m = len(vectors), len(self.vectors)
        cross = self._similarity(vectors, self.vectors)
        kernel = np.block([[self._similarity(vectors, vectors), cross], [cross.T, self._kernel]])
        kernel = kernel.astype(np.float32)
        np.fill_diagonal(kernel, 0)

        def discrepancy(members: NDArray[np.float32]) -> Floats:
            # Of samples given as columns of 1 and 0, (N + M, P).
            inside = np.einsum("ij,ij->j", members, kernel @ members, dtype=np.float64)
            degree = (kernel.sum(axis=1, dtype=np.float64) @ members).astype(np.float64)
            between, outside = degree - inside, kernel.sum(dtype=np.float64) - 2 * degree + inside
            return inside / (n * (n - 1)) + outside / (m * (m - 1)) - 2 * between / (n * m)

        own = np.zeros((n + m, 1), dtype=np.float32)
        own[:n] = 1
        observed = float(discrepancy(own)[0])

        def exceeding(count: int) -> int:
            found = 0
            for start in range(0, count, _BLOCK):
                size = min(_BLOCK, count - start)
                ranks = random.permuted(np.tile(own[:, 0], (size, 1)), axis=1).T
                found += int((discrepancy(np.ascontiguousarray(ranks)) >= observed).sum())
            return found

        p = _permutation_p(exceeding, permutations)
        return Shift(float(np.sqrt(max(0.0, observed))), p, n, m)

    def _similarity(self, left: Floats, right: Floats) -> Floats:
        return np.exp(-_squares(left, right) / self.scale)


def _squares(left: Floats, right: Floats) -> Floats:
    """Return the squared distances of two samples, (N, M)."""
    norms = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None]
    return np.maximum(norms - 2 * left @ right.T, 0)


def _median_square(vectors: Floats) -> float:
    distances = _squares(vectors, vectors)[np.triu_indices(len(vectors), 1)]
    # Equal vectors, as of an empty model, have no width of their own.
    return float(np.median(distances)) or 1.0


def _permutation_p(exceeding: Callable[[int], int], permutations: int) -> float:
    """Return p of a permutation test, with more permutations where p may be small.

    Args:
        exceeding: draws a number of permutations, and returns how many reach the observed value.
        permutations: most of them.
    """
    first = min(FIRST_PERMUTATIONS, permutations)
    found = exceeding(first)
    if (found + 1) / (first + 1) >= SECOND_LOOK or first == permutations:
        return (found + 1) / (first + 1)
    found += exceeding(permutations - first)
    return (found + 1) / (permutations + 1)


def permutations_for(tests: int) -> int:
    """Return how many permutations can show significance after Holm's correction of all tests."""
    return max(999, int(4 * tests / SIGNIFICANCE))

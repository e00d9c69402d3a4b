"""Intervals of shares and corrected p-values."""

import numpy as np
import pytest
from scipy import stats

from trainer.statistics import compare_shares, holm, wilson


def test_holms_correction_by_hand():
    # 3 x 0.01, then 2 x 0.03, and the last not below it.
    assert holm({"a": 0.03, "b": 0.01, "c": 0.04}) == pytest.approx(
        {"a": 0.06, "b": 0.03, "c": 0.06}
    )
    assert holm({1: 0.9, 2: 0.8}) == {1: 1.0, 2: 1.0}
    assert holm({}) == {}


@pytest.mark.parametrize(("count", "n"), [(3, 10), (0, 20), (20, 20), (499, 1000)])
def test_wilsons_interval_is_scipys(count, n):
    known = stats.binomtest(count, n).proportion_ci(method="wilson")
    assert wilson(count, n) == pytest.approx((known.low, known.high))


def test_shares_are_compared_by_chi_square_or_exactly():
    large = compare_shares(30, 100, 50, 100)
    table = np.array([[30, 70], [50, 50]])
    assert large.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    assert large.value == pytest.approx(-0.2) and large.interval[0] < -0.2 < large.interval[1] < 0
    assert compare_shares(1, 9, 5, 9).p == stats.fisher_exact([[1, 8], [5, 4]]).pvalue

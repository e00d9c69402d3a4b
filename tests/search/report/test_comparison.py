import numpy as np
import pytest
from scipy import stats

from trainer.search.report.comparison import Difference, Mean

A = {1: 0.71, 2: 0.74, 3: 0.69, 4: 0.75}
B = {1: 0.70, 2: 0.71, 3: 0.70, 4: 0.72}


def test_the_interval_of_a_mean_is_students():
    mean = Mean.of(list(A.values()))
    interval = stats.ttest_1samp(list(A.values()), 0).confidence_interval(0.95)
    assert (mean.low, mean.high) == pytest.approx((interval.low, interval.high))
    assert (mean.value, mean.runs) == (pytest.approx(0.7225), 4)


def test_a_mean_of_one_run_has_no_interval():
    assert Mean.of([0.5]) == Mean(0.5, 1, None, None)


def test_differences_are_paired_by_seed():
    difference = Difference.of(dict(reversed(A.items())), B)
    test = stats.ttest_rel(list(A.values()), list(B.values()))
    interval = test.confidence_interval(0.95)
    assert difference.p == pytest.approx(test.pvalue)
    assert difference.mean.low == pytest.approx(interval.low)
    assert difference.mean.high == pytest.approx(interval.high)


def test_seeds_without_a_partner_are_left_out():
    assert Difference.of({1: 0.5, 9: 0.9}, {1: 0.25, 8: 0.1}).mean == Mean(0.25, 1)
    assert Difference.of({1: 0.5}, {2: 0.5}) is None


@pytest.mark.parametrize(
    ("scores", "corrected", "verdict"),
    [
        ({1: 0.71}, None, "one run"),
        ({1: 0.71, 2: 0.70}, 0.7, "no difference shown"),
        ({1: 0.70, 2: 0.71}, 1.0, "no difference shown"),  # equal runs
        ({1: 0.80, 2: 0.8101}, 0.01, "better"),
        ({1: 0.60, 2: 0.6101}, 0.01, "worse"),
        ({1: 0.80, 2: 0.8101}, 0.2, "better, but not after the correction"),
    ],
)
def test_the_verdict_follows_the_interval(scores, corrected, verdict):
    assert Difference.of(scores, B).verdict(True, corrected) == verdict


def test_of_a_loss_lower_is_better():
    assert Difference.of({1: 0.60, 2: 0.6101}, B).verdict(False, 0.01) == "better"


def test_equal_differences_have_no_spread():
    equal = Difference.of({1: 0.5, 2: 0.75}, {1: 0.25, 2: 0.5})
    assert equal.p is None and equal.verdict(True, None) == "the same difference in all runs"
    thirds = Difference.of({1: 0.1 + 0.2, 2: 0.3 + 0.2}, {1: 0.2, 2: 0.4})  # equal but for rounding
    assert thirds.p is None
    assert Difference.of(B, B).p == 1


def test_intervals_contain_the_true_mean_as_often_as_they_say():
    draws = np.random.default_rng(0).normal(0.7, 0.01, (400, 5))
    means = [Mean.of(list(draw)) for draw in draws]
    assert np.mean([m.low <= 0.7 <= m.high for m in means]) == pytest.approx(0.95, abs=0.025)

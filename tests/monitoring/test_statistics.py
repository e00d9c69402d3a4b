"""Tests of drift: their p is as in scipy, or as often small as it says."""

import numpy as np
import pytest
from scipy import stats

from trainer.monitoring.statistics import (
    VectorSample,
    compare_counts,
    compare_label_rates,
    compare_rates,
    compare_values,
    permutations_for,
)

RANDOM = np.random.default_rng(0)


def test_many_counts_are_compared_as_in_scipy():
    counts, reference = np.array([60, 90, 150]), np.array([250, 300, 450])
    found = compare_counts(counts, reference, 999, RANDOM)
    expected = stats.chi2_contingency(np.stack([counts, reference]), correction=False)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.effect == pytest.approx(0.05)  # 20, 30, 50% against 25, 30, 45%
    assert (found.n, found.reference_n) == (300, 1000)


def test_few_counts_are_compared_by_permutation():
    table = np.array([[4, 1], [30, 60]])
    found = compare_counts(table[0], table[1], 9999, np.random.default_rng(1))
    assert found.p == pytest.approx(stats.fisher_exact(table).pvalue, abs=0.02)
    assert compare_counts(np.array([5, 0]), np.array([50, 0]), 999, RANDOM).p == 1


def test_a_label_of_neither_sample_changes_nothing():
    with_it = compare_counts(np.array([60, 0, 90]), np.array([250, 0, 300]), 999, RANDOM)
    assert with_it == compare_counts(np.array([60, 90]), np.array([250, 300]), 999, RANDOM)


def test_values_are_compared_as_in_scipy():
    random = np.random.default_rng(2)
    for shift in (0.0, 0.2):
        values, reference = random.normal(size=300) + shift, random.normal(size=900)
        found, expected = compare_values(values, reference), stats.ks_2samp(values, reference)
        assert found.effect == pytest.approx(expected.statistic)
        assert found.p == pytest.approx(expected.pvalue, rel=0.15)


def test_shares_are_compared_by_their_difference():
    found = compare_rates(30, 300, 50, 1000)
    assert found.effect == pytest.approx(0.05) and found.p < 0.01
    several = compare_label_rates(np.array([30, 9]), 300, np.array([50, 30]), 1000)
    assert several.effect == pytest.approx(0.05) and several.p == pytest.approx(2 * found.p)


def test_vectors_of_one_distribution_differ_as_often_as_p_says():
    found = []
    for seed in range(100):
        random = np.random.default_rng(seed)
        sample = VectorSample(random.normal(size=(40, 4)))
        found.append(sample.compare(random.normal(size=(40, 4)), 99, random).p)
    assert 1 <= sum(p <= 0.05 for p in found) <= 12
    assert stats.kstest(found, "uniform").pvalue > 0.001


@pytest.mark.parametrize("change", [lambda v: v + 0.4, lambda v: v * 1.6])
def test_vectors_with_another_mean_or_spread_are_found(change):
    random = np.random.default_rng(3)
    sample = VectorSample(random.normal(size=(200, 8)))
    found = sample.compare(change(random.normal(size=(200, 8))), 999, random)
    assert found.p == 0.001 and found.effect > 0.1


def test_equal_vectors_are_no_difference():
    found = VectorSample(np.ones((20, 4))).compare(np.ones((30, 4)), 99, RANDOM)
    assert found.p == 1 and found.effect == pytest.approx(0, abs=1e-3)


def test_there_are_permutations_enough_for_holms_correction():
    for tests in (1, 10, 500):
        assert tests / (permutations_for(tests) + 1) < 0.05

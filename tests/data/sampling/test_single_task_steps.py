from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from trainer.data.sampling import Fixed, Sampled, shares_of_tasks

BATCHES = {"b": 100, "a": 25, "c": 4}
# By hand: sizes over their sum, roots over their sum, all alike.
EXPECTED = {
    1.0: [100 / 129, 25 / 129, 4 / 129],
    0.5: [10 / 17, 5 / 17, 2 / 17],
    0.0: [1 / 3, 1 / 3, 1 / 3],
}


def sampled(*exponents, cycles=50, seed=1):
    return Sampled(list(BATCHES), cycles, shares_of_tasks(BATCHES, exponents), seed)


def fixed(cycles=5):
    return Fixed(list(BATCHES), cycles, ["c", "b", "b", "a"])


@pytest.mark.parametrize("exponent", EXPECTED)
def test_frequencies_are_those_of_the_exponent_and_of_no_other(exponent):
    schedule = sampled(exponent, cycles=2000)
    counts = Counter(task for epoch in range(3) for (task,) in schedule.epoch(epoch))
    observed = [counts[task] for task in BATCHES]
    for other, shares in EXPECTED.items():
        p = chisquare(observed, sum(observed) * np.array(shares)).pvalue
        assert p > 0.01 if other == exponent else p < 1e-9


def test_each_epoch_has_its_own_shares_and_later_ones_the_last():
    schedule = sampled(1.0, 0.0, cycles=2000)
    for epoch, exponent in enumerate([1.0, 0.0, 0.0, 0.0]):
        counts = Counter(task for (task,) in schedule.epoch(epoch))
        expected = len(schedule) * np.array(EXPECTED[exponent])
        assert chisquare([counts[task] for task in BATCHES], expected).pvalue > 0.01


@pytest.mark.parametrize("cycles", [1, 7])
@pytest.mark.parametrize("make", [lambda c: sampled(1.0, 0.2, cycles=c), fixed])
def test_length_and_draws_are_what_the_epochs_have(make, cycles):
    schedule = make(cycles)
    assert len(schedule) == 3 * cycles
    drawn = Counter()
    for epoch in range(5):
        # Asked for at once, as a resumed run does, and after the epochs before.
        assert make(cycles).batches_before(epoch) == schedule.batches_before(epoch) == drawn
        found = list(schedule.epoch(epoch))
        assert len(found) == len(schedule)
        drawn.update(task for step in found for task in step)


def test_what_a_caller_does_to_its_counts_stays_with_it():
    schedule = sampled(1.0)
    schedule.batches_before(2)["b"] += 5
    assert schedule.batches_before(2) == sampled(1.0).batches_before(2)


def test_epochs_and_seeds_differ_and_the_same_seed_repeats():
    schedule = sampled(0.5)
    first, second = list(schedule.epoch(0)), list(schedule.epoch(1))
    assert first != second
    assert list(schedule.epoch(0)) == first == list(sampled(0.5).epoch(0))
    assert list(sampled(0.5).epoch(1)) == second
    assert list(sampled(0.5, seed=2).epoch(0)) != first


def test_a_fixed_order_goes_on_over_the_ends_of_epochs():
    schedule = fixed(cycles=2)
    drawn = [task for epoch in range(4) for (task,) in schedule.epoch(epoch)]
    assert drawn == ["c", "b", "b", "a"] * 6
    assert [task for (task,) in fixed(cycles=2).epoch(1)] == ["b", "a", "c", "b", "b", "a"]

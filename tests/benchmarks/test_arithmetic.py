"""Medians, ranges, ratios and growth of repeated measurements."""

import pytest

from benchmarks.speed.arithmetic import (
    Spread,
    growth,
    padding_share,
    per_second,
    ratios,
    turns,
)


def test_spread_is_median_lowest_and_highest():
    assert Spread.of([5.0, 1.0, 2.0]) == Spread(2.0, 1.0, 5.0)
    assert Spread.of([1.0, 3.0]).median == 2.0


def test_ratios_are_taken_within_a_repetition():
    # The machine was ten times slower in the second repetition, for both.
    assert ratios([2.0, 20.0, 2.2], [1.0, 10.0, 1.0]) == Spread(2.0, 2.0, 2.2)


def test_ratios_need_as_many_repetitions_on_both_sides():
    with pytest.raises(ValueError):
        ratios([1.0, 2.0], [1.0])


def test_per_second_divides_within_a_repetition():
    assert per_second([10, 30], [2.0, 3.0]) == [5.0, 10.0]


def test_padding_share_is_what_was_computed_in_vain():
    assert padding_share(30, 40) == 0.25
    assert padding_share(40, 40) == 0.0


def test_growth_compares_the_largest_size_with_the_best_smaller_one():
    # 10, 2 and 3 milliseconds a row: the first has the fixed costs on few rows.
    assert growth({100: 1.0, 1_000: 2.0, 10_000: 30.0}) == pytest.approx(1.5)
    assert growth({100: 1.0, 1_000: 2.0}) == pytest.approx(0.2)


def test_everyone_is_first_once():
    names = ["a", "b", "c"]
    orders = [turns(names, repetition) for repetition in range(3)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]
    assert turns(names, -1) == ["c", "a", "b"]

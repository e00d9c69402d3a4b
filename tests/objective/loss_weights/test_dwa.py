import math

import pytest
import torch

from tests.objective.loss_weights._steps import ABSENT, TASKS, assert_unchanged, copy_of, step
from trainer.errors import InputError
from trainer.objective.loss_weights.dwa import DwaOptions, DynamicWeightAverage


def dwa(temperature=2.0, period=2):
    return DynamicWeightAverage(TASKS, DwaOptions(dwa_temperature=temperature, dwa_period=period))


def test_weights_are_those_of_equation_7():
    weights = dwa()
    losses = [(4.0, 2.0), (2.0, 2.0), (1.0, 2.0), (2.0, 1.0)]
    for number, values in enumerate(losses, 1):
        assert weights.weights.tolist() == [1, 1]
        weights.update(step(values, number=number))
    ratios = 1.5 / 3, 1.5 / 2
    exponentials = [math.exp(ratio / 2) for ratio in ratios]
    expected = [2 * e / sum(exponentials) for e in exponentials]
    assert weights.weights.tolist() == pytest.approx(expected)
    assert weights.weights[1] > weights.weights[0]  # its loss falls more slowly
    assert weights.last_means.tolist() == [1.5, 1.5] and not weights.sums.any()


def test_the_scale_of_a_loss_does_not_matter():
    one, other = dwa(), dwa()
    for number, (a, b) in enumerate([(4.0, 2.0), (2.0, 2.0), (1.0, 2.0), (2.0, 1.0)], 1):
        one.update(step((a, b), number=number))
        other.update(step((100 * a, b), number=number))
    torch.testing.assert_close(one.weights, other.weights)


def test_a_task_without_batches_in_a_period_counts_as_constant():
    weights = dwa(period=1)
    for number, values in enumerate([(4.0, 2.0), (2.0, torch.nan)], 1):
        weights.update(step(values, number=number))
    shares = [math.exp(0.25), math.exp(0.5)]
    assert weights.weights.tolist() == pytest.approx([2 * s / sum(shares) for s in shares])


def test_a_skipped_step_is_left_out_of_the_means_but_ends_a_period():
    weights = dwa()
    weights.update(step((4.0, 2.0), number=1))
    before = copy_of(weights)
    weights.update(step((9.0, 9.0), number=1, skipped=True))
    assert_unchanged(weights, before)
    weights.update(step(ABSENT, number=2, skipped=True))
    assert weights.last_means.tolist() == [4, 2]


def test_a_temperature_is_above_zero():
    with pytest.raises(InputError, match="dwa_temperature = 0: must be a number above 0"):
        dwa(temperature=0)

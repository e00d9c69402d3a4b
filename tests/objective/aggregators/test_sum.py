import torch

from tests.objective.aggregators._asserts import (
    aggregator_of,
    assert_lone_gradient_is_left_alone,
    assert_overwrites_the_first_list_only,
    combined,
    matrix,
    random_gradients,
)


def test_sum_is_what_accumulation_gives_to_the_last_bit():
    gradients = random_gradients()
    first, second, third = matrix(gradients)
    assert torch.equal(combined(aggregator_of("sum"), gradients), first + second + third)


def test_sum_reuses_the_first_list():
    assert_overwrites_the_first_list_only(aggregator_of("sum"), random_gradients())
    assert_lone_gradient_is_left_alone(aggregator_of("sum"), random_gradients())

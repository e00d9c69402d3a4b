import torch

from tests.objective.aggregators._asserts import aggregator_of, combined, random_gradients
from trainer.objective.aggregators import gramian


def test_weights_solve_the_bargain():
    """Algorithm 1 of https://arxiv.org/abs/2202.01017: G a = 1 / a, entry by entry."""
    aggregator = aggregator_of("nash_mtl")
    products = gramian(random_gradients(dtype=torch.float64))
    weights = aggregator.weights(products, ["a", "b", "c"])
    torch.testing.assert_close(products @ weights, 1 / weights, rtol=1e-2, atol=0)


def test_last_weights_belong_to_tasks_and_survive_steps_of_another_size():
    aggregator = aggregator_of("nash_mtl")
    combined(aggregator, random_gradients())
    before = aggregator.state_dict()["last"]
    combined(aggregator, random_gradients(1, tasks=2), ["c", "a"])
    after = aggregator.state_dict()["last"]
    assert after[1] == before[1]
    assert after[0] != before[0]
    assert after[2] != before[2]

import torch

from tests.objective.aggregators._asserts import TASKS, aggregator_of, combined, random_gradients


def test_targets_move_with_the_steps_and_change_the_result():
    aggregator = aggregator_of("gradvac")
    gradients = [[tensor.abs() for tensor in gradient] for gradient in random_gradients()]
    first = combined(aggregator, gradients)
    other = random_gradients(1)
    fresh = combined(aggregator_of("gradvac"), other)
    # After steps of one mind, the tasks are expected to agree.
    assert aggregator.targets[0, 1] > 0
    assert not torch.allclose(combined(aggregator, other), fresh)
    assert torch.equal(first, combined(aggregator_of("sum"), gradients))


def test_a_step_of_two_tasks_moves_their_targets_only():
    aggregator = aggregator_of("gradvac")
    combined(aggregator, random_gradients())
    before = aggregator.targets.clone()
    combined(aggregator, random_gradients(1, tasks=2), ["c", "a"])
    changed = (aggregator.targets != before).nonzero().tolist()
    assert changed == [[0, 2], [2, 0]]


def test_state_names_the_pairs_in_the_order_of_all_tasks():
    aggregator = aggregator_of("gradvac")
    combined(aggregator, random_gradients(1, tasks=2), ["c", "a"])
    state = aggregator.state_dict()
    assert state["targets"].shape == (len(TASKS), len(TASKS))
    combined(aggregator, random_gradients(2))
    assert not torch.equal(state["targets"], aggregator.targets)

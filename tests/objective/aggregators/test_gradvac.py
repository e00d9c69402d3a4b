import torch

from tests.objective.aggregators._asserts import TASKS, combined, random_gradients, rule_of


def test_targets_move_with_the_steps_and_change_the_result():
    rule = rule_of("gradvac")
    gradients = [[tensor.abs() for tensor in gradient] for gradient in random_gradients()]
    first = combined(rule, gradients)
    other = random_gradients(1)
    fresh = combined(rule_of("gradvac"), other)
    # After steps of one mind, the tasks are expected to agree.
    assert rule.targets[0, 1] > 0
    assert not torch.allclose(combined(rule, other), fresh)
    assert torch.equal(first, combined(rule_of("sum"), gradients))


def test_a_step_of_two_tasks_moves_their_targets_only():
    rule = rule_of("gradvac")
    combined(rule, random_gradients())
    before = rule.targets.clone()
    combined(rule, random_gradients(1, tasks=2), ["c", "a"])
    changed = (rule.targets != before).nonzero().tolist()
    assert changed == [[0, 2], [2, 0]]


def test_state_names_the_pairs_in_the_order_of_all_tasks():
    rule = rule_of("gradvac")
    combined(rule, random_gradients(1, tasks=2), ["c", "a"])
    state = rule.state_dict()
    assert state["targets"].shape == (len(TASKS), len(TASKS))
    combined(rule, random_gradients(2))
    assert not torch.equal(state["targets"], rule.targets)

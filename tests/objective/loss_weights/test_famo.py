import math

import torch

from tests.objective.loss_weights._steps import TASKS, assert_unchanged, copy_of, step
from trainer.objective.loss_weights.famo import FAMO, FamoOptions


def famo(gamma=0.01):
    return FAMO(TASKS, FamoOptions(famo_gamma=gamma, famo_learning_rate=0.1))


def test_logits_and_weights_are_those_of_algorithm_1():
    weights = famo()
    with torch.no_grad():
        weights.logits.copy_(torch.tensor([0.5, -0.5]))
    logits = torch.nn.Parameter(torch.tensor([0.5, -0.5]))
    adam = torch.optim.Adam([logits], lr=0.1, weight_decay=0.01)
    for before, after in (((4.0, 2.0), (2.0, 1.5)), ((3.0, 1.0), (2.9, 0.5))):
        weights.update(step(before, after=after))
        decrease = torch.tensor([math.log(b / a) for b, a in zip(before, after, strict=True)])
        adam.zero_grad()
        logits.softmax(0).backward(decrease)
        adam.step()
        torch.testing.assert_close(weights.logits, logits.detach())
        shares = logits.detach().softmax(0) / torch.tensor(after)
        torch.testing.assert_close(weights.weights, 2 * shares / shares.sum())


def test_the_task_whose_loss_falls_less_gets_a_larger_share():
    weights = famo()
    weights.update(step((1.0, 1.0), after=(0.5, 0.99)))
    assert weights.logits[0] < 0 < weights.logits[1]


def test_a_loss_that_is_100_times_as_large_gets_a_hundredth_of_the_weight():
    weights = famo()
    weights.update(step((100.0, 1.0), after=(100.0, 1.0)))
    torch.testing.assert_close(weights.weights, torch.tensor([2 / 101, 200 / 101]))


def test_weights_are_one_until_all_tasks_are_measured():
    weights, nan = famo(), torch.nan
    weights.update(step((4.0, nan), after=(2.0, nan)))
    assert weights.weights.tolist() == [1, 1] and weights.logits[0] < 0
    weights.update(step((nan, 4.0), after=(nan, 4.0), number=2))
    assert weights.weights[0] > weights.weights[1]  # 2.0 against 4.0


def test_a_skipped_step_changes_nothing():
    weights = famo()
    weights.update(step((1.0, 1.0), after=(0.5, 0.9)))
    before = copy_of(weights)
    weights.update(step((5.0, 3.0), after=(0.1, 3.0), number=2, skipped=True))
    assert_unchanged(weights, before)

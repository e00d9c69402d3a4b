import pytest
import torch

from tests.objective.loss_weights._steps import TASKS, assert_unchanged, copy_of, step
from trainer.objective.loss_weights.gradnorm import GradNorm, GradNormOptions


def gradnorm(alpha=1.0, rate=0.1):
    options = GradNormOptions(gradnorm_alpha=alpha, gradnorm_learning_rate=rate)
    return GradNorm(TASKS, options)


class SGD(torch.nn.Module):
    """A step of 1 / 100 against the gradient, to see the gradient itself."""

    def update(self, vector, gradient, skip):
        vector -= 0.01 * gradient * ~skip


def test_weights_descend_the_papers_objective_and_sum_to_the_number_of_tasks():
    weights = gradnorm(alpha=2.0)
    weights.adam = SGD()
    weights.update(step((4.0, 1.0), norms=(6.0, 2.0)))
    # All rates are 1 at first: the targets are the mean norm, 4; the gradient is (6, -2).
    first = 2 * torch.tensor([1 - 0.06, 1 + 0.02]) / 1.96
    torch.testing.assert_close(weights.weights, first)
    # The loss of the first task fell to a quarter, the other's did not: r = (0.4, 1.6).
    norms = first * torch.tensor([5.0, 3.0])  # of the weighted losses
    weights.update(step((1.0, 1.0), norms=tuple(norms.tolist())))
    target = norms.mean() * torch.tensor([0.4, 1.6]) ** 2
    assert norms[0] > target[0] and norms[1] < target[1]
    second = first - 0.01 * torch.tensor([5.0, -3.0])
    torch.testing.assert_close(weights.weights, 2 * second / second.sum())


def test_the_gradient_is_that_of_autograd():
    raw, ratios = torch.tensor([5.0, 3.0]), torch.tensor([0.4, 1.6])
    w = torch.tensor([0.7, 1.3], requires_grad=True)
    targets = ((w * raw).mean() * ratios**1.5).detach()
    (w * raw - targets).abs().sum().backward()
    weights = gradnorm(alpha=1.5)
    weights.adam = SGD()
    weights.weights.copy_(w.detach())
    weights.first_losses.fill_(1.0)
    weights.update(step((0.4, 1.6), norms=tuple((w * raw).tolist())))
    expected = w.detach() - 0.01 * w.grad
    torch.testing.assert_close(weights.weights, 2 * expected / expected.sum())


def test_a_weight_stays_above_zero():
    weights = gradnorm(rate=10.0)
    weights.update(step((1.0, 1.0), norms=(100.0, 1.0)))
    assert weights.weights[0] > 0 and weights.weights.sum().item() == pytest.approx(2)


def test_tasks_of_different_steps_are_compared_by_their_latest_measurements():
    weights = gradnorm()
    nan = torch.nan
    weights.update(step((1.0, nan), norms=(8.0, nan)))
    assert weights.weights.tolist() == [1, 1]  # the second task was not measured yet
    weights.update(step((nan, 1.0), norms=(nan, 2.0), number=2))
    torch.testing.assert_close(weights.weights, torch.tensor([0.9, 1.1]))


def test_a_skipped_step_changes_nothing():
    weights = gradnorm()
    weights.update(step((1.0, 1.0), norms=(100.0, 1.0)))
    before = copy_of(weights)
    weights.update(step((5.0, 3.0), norms=(1.0, 1.0), number=2, skipped=True))
    assert_unchanged(weights, before)

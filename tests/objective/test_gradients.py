import math

import pytest
import torch
from torch import nn

from trainer.objective.gradients import isolated_gradients, norm


def losses(model, x):
    return model(x).square().sum(), model(x + 1).abs().sum()


def test_gradient_apart_accumulates_as_usual_and_yields_only_the_new_gradient():
    torch.manual_seed(0)
    model, x = nn.Linear(3, 2), torch.randn(4, 3)
    for loss in losses(model, x):
        loss.backward()
    usual = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    first, second = losses(model, x)
    alone = torch.autograd.grad(second, list(model.parameters()), retain_graph=True)
    first.backward()
    with isolated_gradients(list(model.parameters())) as own:
        second.backward()
    for a, b in zip(own, alone, strict=True):
        assert torch.equal(a, b)
    for parameter, expected in zip(model.parameters(), usual, strict=True):
        assert torch.equal(parameter.grad, expected)


def test_gradient_apart_leaves_parameters_that_got_none_as_they_were():
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    unused.grad = torch.full((2,), 7.0)
    with isolated_gradients([used, unused]) as own:
        (used * 3).sum().backward()
    assert len(own) == 1
    assert unused.grad.tolist() == [7.0, 7.0]


def test_norm_is_over_all_entries_of_all_tensors():
    assert norm([torch.tensor([3.0]), torch.tensor([[0.0, 4.0]])]).item() == pytest.approx(5.0)
    tensors = [torch.randn(5, 2), torch.randn(7)]
    expected = math.sqrt(sum(float(t.square().sum()) for t in tensors))
    assert norm(tensors).item() == pytest.approx(expected, rel=1e-6)

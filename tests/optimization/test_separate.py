"""Gradients of each task's own, for optimizers of its own."""

import pytest
import torch
from torch import nn

from trainer.optimization.separate import SeparateOptimizers


@pytest.mark.parametrize("length, expected", [(0.5, 0.5), (1.5, 1.0), (20.0, 1.0)])
def test_each_tasks_gradient_is_clipped_by_its_own_length(length, expected):
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    optimizer = SeparateOptimizers({"mood": torch.optim.SGD(parameters, lr=1.0)})
    direction = [torch.tensor([2.0, 1.0]) / 3, torch.tensor([-2.0]) / 3]
    gradients = {"mood": [length * part for part in direction], "same": direction}
    optimizer.receive(parameters, gradients)
    optimizer.clip(1.0)
    for part, found in zip(direction, gradients["mood"], strict=True):
        torch.testing.assert_close(found, expected * part, rtol=1e-5, atol=0)
    optimizer.step()
    torch.testing.assert_close(parameters[1].detach(), -expected * direction[1])

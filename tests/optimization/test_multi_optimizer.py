"""Gradients of each task's own, for optimizers of its own."""

import pytest
import torch
from torch import nn

from tests.toys import TASKS, toy_model, toy_trainer
from trainer.optimization.multi_optimizer import MultiOptimizer

SHARED_PART = torch.tensor([2.0, 1.0]) / 3
HEAD = torch.tensor([-2.0]) / 3


@pytest.mark.parametrize("length, expected", [(0.5, 0.5), (1.5, 1.0), (20.0, 1.0)])
@pytest.mark.parametrize("other", [0.0, 1000.0])
def test_an_optimizer_clips_all_that_it_steps_with_by_its_own_length(length, expected, other):
    shared, head, others = (nn.Parameter(torch.zeros(n)) for n in (2, 1, 1))
    parts = {
        "mood": torch.optim.SGD([shared, head], lr=1.0),
        "same": torch.optim.SGD([others], lr=1.0),
        "loss_weights": torch.optim.SGD([weight := nn.Parameter(torch.zeros(1))], lr=1.0),
    }
    optimizer = MultiOptimizer(parts, max_norm=1.0)
    gradients = {"mood": [length * SHARED_PART], "same": [other * SHARED_PART]}
    optimizer.set_task_grads([shared], gradients)
    head.grad, others.grad, weight.grad = length * HEAD, other * HEAD, torch.tensor([30.0])
    optimizer.step()
    torch.testing.assert_close(shared.detach(), -expected * SHARED_PART, rtol=1e-5, atol=0)
    torch.testing.assert_close(head.detach(), -expected * HEAD, rtol=1e-5, atol=0)
    # Half of a task's gradient that reaches an optimizer is not measured with the other half.
    torch.testing.assert_close(others.detach(), -other * HEAD / max(1, other * 2 / 3))
    assert weight.item() == -30


@pytest.mark.parametrize("step_every", ["cycle", "batch"])
def test_a_heavy_task_leaves_the_other_heads_steps_alone(tmp_path, step_every):
    moved = []
    for loss_weight in (1.0, 1000.0):
        tasks = {**TASKS, "same": {**TASKS["same"], "loss_weight": loss_weight}}
        options = {"optim": "sgd", "learning_rate": 1.0, "lr_scheduler_type": "constant"}
        trainer = toy_trainer(
            tmp_path,
            model=toy_model(tasks),
            optimizer_layout="per_task",
            step_every=step_every,
            max_grad_norm=0.01,
            max_steps=1,
            **options,
        )
        before = trainer.model.heads["mood"].layers[1].weight.detach().clone()
        trainer.train()
        moved.append(trainer.model.heads["mood"].layers[1].weight.detach() - before)
    assert moved[0].any()
    torch.testing.assert_close(moved[1], moved[0], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("optimizer_layout", ["per_task", "overlapping"])
def test_head_and_shared_part_have_one_limit_together(tmp_path, optimizer_layout):
    options = {"optim": "sgd", "learning_rate": 1.0, "lr_scheduler_type": "constant"}
    trainer = toy_trainer(
        tmp_path,
        optimizer_layout=optimizer_layout,
        step_every="batch",
        max_steps=1,
        max_grad_norm=1e-3,
        **options,
    )
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    trainer.train()
    parts = {"shared": [], "head": []}
    for name, p in trainer.model.named_parameters():
        part = "shared" if name.startswith("backbone.") else "head"
        parts[part].append((p.detach() - before[name]).flatten())
    shared, head = (torch.cat(part).norm() for part in parts.values())
    # The first batch is of `mood`, whose head has a large part in the gradient.
    assert head > 1e-4
    if optimizer_layout == "per_task":
        assert torch.hypot(shared, head).item() == pytest.approx(1e-3, rel=1e-3)
    else:
        # The shared part takes the task's step and one of its own, which is all of its gradient.
        assert head < 1e-3 < shared < 2e-3

"""Other rates for a training that goes on."""

import pytest
import torch
from torch import nn

from tests.toys import toy_trainer
from trainer.optimization.rates import given_rates, set_rates
from trainer.optimization.schedules import make_schedule


def trained(args, rate, decay, steps):
    parameters = [nn.Parameter(torch.zeros(2))]
    optimizer = torch.optim.AdamW([{"params": parameters, "weight_decay": decay}], lr=rate)
    schedule = make_schedule(optimizer, args, 10)
    for _ in range(steps):
        optimizer.step()
        schedule.step()
    return optimizer, schedule


@pytest.mark.parametrize("kind", ["linear", "cosine", "constant"])
def test_the_rates_are_new_and_the_position_stays(tmp_path, kind):
    args = toy_trainer(tmp_path, lr_scheduler_type=kind).args
    optimizer, schedule = trained(args, 0.1, 0.3, steps=4)
    other, position = trained(args, 0.5, 0.7, steps=0)
    expected = trained(args, 0.5, 0.7, steps=4)[0].param_groups[0]["lr"]
    rates = given_rates(other)
    other.load_state_dict(optimizer.state_dict())
    position.load_state_dict(schedule.state_dict())
    set_rates(other, position, rates)
    group = other.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (expected, 0.7)
    assert position.get_last_lr() == [expected]
    other.step()
    position.step()
    assert group["lr"] == trained(args, 0.5, 0.7, steps=5)[0].param_groups[0]["lr"]


@pytest.mark.parametrize("layout", ["siloed", "per_task", "overlapping"])
def test_a_resumed_training_has_the_rates_of_its_arguments(tmp_path, layout):
    options = {"optimizer_layout": layout, "max_steps": 4, "save_strategy": "steps"}
    toy_trainer(tmp_path, **options, save_steps=2).train()
    tasks = {"mood": {"learning_rate": 3e-2}}
    again = toy_trainer(
        tmp_path, **options, save_steps=9, learning_rate=1e-3, weight_decay=0.2, task_args=tasks
    )
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    rates = {n: rate for n, rate in again.state.log_history[3].items() if "learning_rate/" in n}
    assert rates["learning_rate/mood"] == 3e-2 / 4
    assert set(rates.values()) == {3e-2 / 4, 1e-3 / 4}
    assert {group["weight_decay"] for group in again.optimizer.param_groups} == {0.0, 0.2}

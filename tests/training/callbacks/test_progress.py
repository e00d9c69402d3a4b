import io
import re
from contextlib import redirect_stderr

import pytest

from tests.toys import TASKS, toy_trainer
from trainer.training.callbacks.progress import TaskProgress


def shown_by(trainer):
    screen = io.StringIO()
    with redirect_stderr(screen):
        trainer.train()
    return screen.getvalue()


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"step_every": "cycle"}, 4),
        ({"step_every": "batch"}, 12),
        ({"step_every": "batch", "task_sampling": "uniform"}, 12),
        # Six batches an epoch: the second step of each has two.
        ({"step_every": "batch", "task_sampling": "uniform", "gradient_accumulation_steps": 4}, 4),
        ({"step_every": "cycle", "gradient_accumulation_steps": 2, "num_train_epochs": 4}, 4),
    ],
)
def test_bar_shows_the_cycle_and_each_tasks_running_loss(tmp_path, options, steps):
    trainer = toy_trainer(
        tmp_path, cycles_per_epoch=2, disable_tqdm=False, logging_steps=3, **options
    )
    shown = shown_by(trainer)
    assert trainer.state.global_step == steps
    cycles = 2 * int(trainer.args.num_train_epochs)
    assert f"cycle {cycles}/{cycles}" in shown
    assert f"cycle {cycles + 1}" not in shown
    for task in TASKS:
        assert f"{task}=" in shown


def test_a_task_without_a_batch_keeps_its_loss_on_the_bar(tmp_path):
    trainer = toy_trainer(
        tmp_path, step_every="batch", max_steps=3, disable_tqdm=False, logging_steps=1
    )
    last = [part for part in shown_by(trainer).split("\r") if "cycle 1/1" in part][-1]
    assert all(f"{task}=" in last for task in TASKS)


def test_the_bar_shows_losses_alone(tmp_path):
    options = {"loss_weights": "uncertainty", "gradient_cosines": True}
    trainer = toy_trainer(tmp_path, max_steps=2, disable_tqdm=False, logging_steps=1, **options)
    last = shown_by(trainer).split("\r")[-1]
    assert set(re.findall(r"(\S+)=", last)) == set(TASKS)


@pytest.mark.parametrize(
    ("cycles", "steps", "accumulated", "after"),
    [
        (2, 2, 1, [0, 1, 2, 3, 4]),
        (2, 6, 1, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]),
        (2, 6, 3, [0, 1, 2, 3, 4]),
        (2, 6, 4, [0, 1, 2, 3, 4]),
        (3, 3, 2, [0, 2, 3, 5, 6]),
    ],
)
def test_cycles_are_counted_by_steps(cycles, steps, accumulated, after):
    bar = TaskProgress(cycles, steps, accumulated)
    assert [bar.cycles_after(steps) for steps in range(len(after))] == after

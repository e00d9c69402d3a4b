import io
from contextlib import redirect_stderr

import pytest

from tests.toys import TASKS, toy_trainer


@pytest.mark.parametrize(("update", "steps"), [("cycle", 4), ("turn", 12)])
def test_bar_shows_the_cycle_and_each_tasks_running_loss(tmp_path, update, steps):
    trainer = toy_trainer(
        tmp_path, update=update, cycles_per_epoch=2, disable_tqdm=False, logging_steps=3
    )
    screen = io.StringIO()
    with redirect_stderr(screen):
        trainer.train()
    assert trainer.state.global_step == steps
    shown = screen.getvalue()
    assert "cycle 4/4" in shown
    for task in TASKS:
        assert f"{task}=" in shown

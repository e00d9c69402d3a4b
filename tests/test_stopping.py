import os
import signal

import pytest
import torch
from transformers import TrainerCallback

from tests.toys import toy_trainer
from trainer.checkpoints import find_checkpoint
from trainer.stopping import StopOnSignal, StoppedError


class Send(TrainerCallback):
    """Sends this process signals in the middle of a step."""

    def __init__(self, step, *numbers):
        self.step, self.numbers = step, numbers

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.step:
            for number in self.numbers:
                os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers():
    former = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == former


def stopped(folder, *numbers, step=4, **options):
    stop = StopOnSignal()
    trainer = toy_trainer(folder, callbacks=[Send(step, *numbers), stop], **options)
    try:
        trainer.train()
    finally:
        stop.release()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("save", [{}, {"save_strategy": "steps", "save_steps": 2}], ids=str)
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, capsys, number, save):
    options = {"save_total_limit": 1, **save}
    with pytest.raises(StoppedError, match="stopped after step 5; go on with --resume true"):
        stopped(tmp_path, number, **options)
    assert f"{number.name}: stopping after this step" in capsys.readouterr().err
    checkpoint = find_checkpoint(tmp_path)
    assert checkpoint.name == "checkpoint-5"
    again, whole = toy_trainer(tmp_path, **options), toy_trainer(tmp_path / "whole", **options)
    again.train(resume_from_checkpoint=str(checkpoint))
    whole.train()
    assert again.state.global_step == whole.state.global_step > 5
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name


def test_the_best_checkpoint_does_not_cost_the_last_one(tmp_path):
    kept = {
        "load_best_model_at_end": True,
        "eval_strategy": "steps",
        "eval_steps": 2,
        "save_strategy": "steps",
        "save_steps": 2,
        "save_total_limit": 1,
    }
    with pytest.raises(StoppedError):
        stopped(tmp_path, signal.SIGTERM, step=6, **kept)
    assert find_checkpoint(tmp_path).name == "checkpoint-7"


def test_a_second_interrupt_stops_at_once(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        stopped(tmp_path, signal.SIGINT, signal.SIGINT)
    assert find_checkpoint(tmp_path) is None


def test_a_second_request_to_terminate_changes_nothing(tmp_path):
    with pytest.raises(StoppedError):
        stopped(tmp_path, signal.SIGTERM, signal.SIGTERM)
    assert find_checkpoint(tmp_path).name == "checkpoint-5"


def test_training_that_ends_by_itself_gives_the_signals_back(tmp_path):
    toy_trainer(tmp_path, callbacks=[StopOnSignal()]).train()

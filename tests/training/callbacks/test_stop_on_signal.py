import os
import signal

import pytest
import torch
from transformers import TrainerCallback

from tests.toys import toy_model, toy_trainer
from trainer.saving.checkpoints import find_checkpoint
from trainer.training.callbacks.stop_on_signal import StopOnSignal, StoppedError


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of eight steps that nobody stopped."""
    trainer = toy_trainer(tmp_path_factory.mktemp("whole"), max_steps=8)
    trainer.train()
    return trainer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("save", [{}, {"save_strategy": "steps", "save_steps": 2}], ids=str)
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, capsys, whole, number, save):
    options = {"save_total_limit": 1, "max_steps": 8, **save}
    with pytest.raises(StoppedError, match="stopped after step 5; go on with --resume true"):
        stopped(tmp_path, number, **options)
    assert f"{number.name}: stopping after this step" in capsys.readouterr().err
    checkpoint = find_checkpoint(tmp_path)
    assert checkpoint.name == "checkpoint-5"
    again = toy_trainer(tmp_path, **options)
    again.train(resume_from_checkpoint=str(checkpoint))
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


def test_a_second_request_to_terminate_that_is_no_echo_is_obeyed_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.training.callbacks.stop_on_signal._REPEAT_WINDOW", 0.0)
    with pytest.raises(SystemExit, match="143"):
        stopped(tmp_path, signal.SIGTERM, signal.SIGTERM)
    assert find_checkpoint(tmp_path) is None


class SendInEvaluation(TrainerCallback):
    """Sends this process a signal after some batches of the evaluation after a step."""

    def __init__(self, step, batch=2):
        self.step, self.batch, self.seen = step, batch, 0

    def on_prediction_step(self, args, state, control, **_):
        if state.global_step == self.step:
            self.seen += 1
            if self.seen == self.batch:
                os.kill(os.getpid(), signal.SIGTERM)


MEASURED = {"save_strategy": "steps", "save_steps": 2, "eval_strategy": "steps", "eval_steps": 2}
MEASURED |= {"load_best_model_at_end": True, "num_train_epochs": 2}
BY_EPOCH = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}


@pytest.mark.parametrize(
    ("step", "options"),
    [
        (2, {**MEASURED, "ema_decay": 0.5, "max_steps": 4}),
        (3, {**BY_EPOCH, "lr_scheduler_type": "reduce_lr_on_plateau"}),
        (6, BY_EPOCH),  # nothing but this evaluation is left of the run
    ],
    ids=str,
)
def test_an_interrupted_evaluation_is_repeated_on_resume(tmp_path, step, options):
    model = {"hidden_dropout_prob": 0.1}
    options = {**options, "sizes": {"mood": 12, "same": 12, "near": 12}}
    whole = toy_trainer(tmp_path / "whole", model=toy_model(**model), **options)
    whole.train()
    send, stop = SendInEvaluation(step), StopOnSignal()
    trainer = toy_trainer(tmp_path, model=toy_model(**model), callbacks=[send, stop], **options)
    with pytest.raises(StoppedError, match=f"stopped after step {step}; go on with --resume true"):
        try:
            trainer.train()
        finally:
            stop.release()
    assert send.seen == 2 < sum(-(-len(rows) // 5) for rows in trainer.eval_dataset.values())
    checkpoint = find_checkpoint(tmp_path)
    assert checkpoint.name == f"checkpoint-{step}"
    again = toy_trainer(tmp_path, model=toy_model(seed=5, **model), **options)
    again.train(resume_from_checkpoint=str(checkpoint))
    for (name, value), other in zip(
        whole.model.state_dict().items(), again.model.state_dict().values(), strict=True
    ):
        assert torch.equal(other, value), name
    assert again.state.best_metric == whole.state.best_metric
    assert again.state.best_global_step == whole.state.best_global_step
    scores = [
        [entry["eval_overall"] for entry in t.state.log_history if "eval_overall" in entry]
        for t in (whole, again)
    ]
    assert scores[0] == scores[1]


def test_a_signal_in_a_step_does_not_wait_for_its_evaluation(tmp_path):
    counter = SendInEvaluation(step=4, batch=0)
    stop = StopOnSignal()
    trainer = toy_trainer(tmp_path, callbacks=[Send(3, signal.SIGTERM), counter, stop], **MEASURED)
    with pytest.raises(StoppedError):
        trainer.train()
    stop.release()
    assert counter.seen == 1 and find_checkpoint(tmp_path).name == "checkpoint-4"


def test_the_evaluation_before_the_first_step_is_given_up_too(tmp_path):
    send, stop = SendInEvaluation(step=0), StopOnSignal()
    trainer = toy_trainer(tmp_path, callbacks=[send, stop], eval_on_start=True)
    with pytest.raises(StoppedError, match="in the evaluation after step 0"):
        trainer.train()
    stop.release()
    assert send.seen == 2 and find_checkpoint(tmp_path) is None


def test_whoever_was_stopped_can_train_again(tmp_path):
    stop = StopOnSignal()
    trainer = toy_trainer(tmp_path, max_steps=3, callbacks=[Send(1, signal.SIGTERM), stop])
    with pytest.raises(StoppedError):
        trainer.train()
    trainer.pop_callback(Send)
    trainer.train()
    assert trainer.state.global_step == 3


def test_training_that_ends_by_itself_gives_the_signals_back(tmp_path):
    class Seen(TrainerCallback):
        def on_step_end(self, *args, **_):
            self.handler = signal.getsignal(signal.SIGTERM)

    seen, stop, former = Seen(), StopOnSignal(), signal.getsignal(signal.SIGTERM)
    toy_trainer(tmp_path, callbacks=[stop, seen], max_steps=2).train()
    assert seen.handler == stop._handle and signal.getsignal(signal.SIGTERM) == former

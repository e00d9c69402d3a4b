"""Segments: pauses, copies of checkpoints, and other rates, in this process."""

import json
import os
import signal
from contextlib import suppress

import datasets
import pytest
from safetensors.torch import load_file
from transformers import TrainerCallback

from tests.toy_runs import dots_for_figures, toy_run
from trainer.config.parser import parse, read_config
from trainer.data import tokens
from trainer.runs.train import train
from trainer.search import segments
from trainer.search.segments import Request, train_segment
from trainer.training.callbacks.stop_on_signal import StoppedError

SHARED = {
    "max_steps": 8,
    "logging_steps": 1,
    "seed": 5,
    "optimizer_layout": "per_task",
    "lr_scheduler_type": "linear",
    "tasks": {"sentiment": {}, "similarity": {"dropout": 0.3}},
}
CHOOSES = {
    "eval_strategy": "steps",
    "eval_steps": 2,
    "save_strategy": "steps",
    "save_steps": 2,
    "load_best_model_at_end": True,
    "save_total_limit": 1,
}
VARIANTS = {
    "plain": {"save_strategy": "no"},
    "chooses": {**CHOOSES, "ema_decay": 0.9},
    "accumulates": {"gradient_accumulation_steps": 2, "optimizer_layout": "single", "max_steps": 6},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments")
    toy_run(folder, 16, 8, **SHARED)
    return folder


@pytest.fixture(autouse=True)
def no_pictures():
    with dots_for_figures():
        yield


class Trials:
    """Trials of one study, trained segment by segment."""

    def __init__(self, place, folder, **options):
        self.folder = folder
        self.options = read_config(place / "toy.yaml") | options

    def train(self, name, start=0, until=None, donor=None, **options):
        kept = self.folder / "checkpoints"
        request = Request(
            {**self.options, **options, "output_dir": str(self.folder / "trials" / name)},
            log=str(self.folder / "logs" / f"{name}.txt"),
            metric="eval_overall",
            until=until,
            begin=str(kept / (donor or name) / f"checkpoint-{start}") if start else None,
            keep=str(kept / name / f"checkpoint-{until}") if until else None,
        )
        return train_segment(request)

    def state(self, name, step):
        path = self.folder / "checkpoints" / name / f"checkpoint-{step}" / "trainer_state.json"
        return json.loads(path.read_text())

    def weights(self, name):
        return load_file(self.folder / "trials" / name / "model.safetensors")


@pytest.fixture
def trials(place, tmp_path):
    return lambda **options: Trials(place, tmp_path, **options)


def same(first, second):
    return first.keys() == second.keys() and all(first[n].equal(second[n]) for n in first)


@pytest.mark.parametrize(
    "variant",
    ["chooses", *(pytest.param(v, marks=pytest.mark.slow) for v in ("plain", "accumulates"))],
)
def test_a_paused_run_is_the_unbroken_one_to_the_last_bit(variant, trials, place, tmp_path):
    options = VARIANTS[variant]
    config = ["--" + f"{k}={v}" for k, v in options.items()]
    whole = train(parse([str(place / "toy.yaml"), *config, f"--output_dir={tmp_path / 'whole'}"]))
    paused = trials(**options)
    first = paused.train("a", until=2)
    paused.train("a", start=2, until=4)
    assert paused.train("a", start=4) == whole
    assert same(paused.weights("a"), load_file(tmp_path / "whole" / "model.safetensors"))
    history = paused.state("a", 2)["log_history"]
    evaluations = [entry for entry in history if "eval_overall" in entry]
    assert [entry["step"] for entry in evaluations] == [2]  # once
    assert evaluations[0]["eval_overall"] == first["eval_overall"]


def test_rows_are_tokenized_once_for_all_trials(trials, monkeypatch, tmp_path):
    tokenized = []
    encode = tokens.encode

    def counted(batch, **options):
        tokenized.append(len(batch["text"]))
        return encode(batch, **options)

    monkeypatch.setattr(tokens, "encode", counted)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    study = trials(max_steps=1)
    study.train("a")
    assert len(tokenized) == 4  # the train and validation rows of two tasks
    study.train("b", learning_rate=1e-4, seed=9)
    study.train("c", per_device_train_batch_size=2)
    assert len(tokenized) == 4


def test_a_clone_begins_with_the_donors_weights_and_its_own_rates(trials):
    study = trials(**{**CHOOSES, "eval_on_start": True}, weight_decay=0.1)
    study.train("loser", until=4, learning_rate=1e-5)
    last = study.train("donor", until=4)
    study.train("donor", start=4, until=6)
    values = {"learning_rate": 5e-3, "weight_decay": 0.2}
    study.train("loser", start=4, until=6, donor="donor", **values)
    state = study.state("loser", 6)
    history = [entry for entry in state["log_history"] if entry["step"] >= 4]
    evaluations = [entry for entry in history if "eval_overall" in entry]
    assert evaluations[1]["eval_overall"] == last["eval_overall"]  # at the start of the segment
    rates = [entry["learning_rate/shared"] for entry in history if "loss" in entry][1:]
    assert rates == [5e-3 * 4 / 8, 5e-3 * 3 / 8]  # linear: the share of the steps that are left
    assert "/donor/" not in (state["best_model_checkpoint"] or "")
    optimizer = study.folder / "checkpoints/loser/checkpoint-6/optimizer.pt"
    assert decays(optimizer) == {0.0, 0.2}


def decays(path):
    import torch

    parts = torch.load(path, weights_only=True).values()
    return {group["weight_decay"] for part in parts for group in part["param_groups"]}


def test_a_clone_without_other_values_goes_the_way_of_the_donor(trials):
    study = trials()
    study.train("loser", until=4, learning_rate=1e-5)
    study.train("donor", until=4)
    study.train("donor", start=4)
    study.train("loser", start=4, donor="donor")
    assert same(study.weights("loser"), study.weights("donor"))


class Interrupt(TrainerCallback):
    """Sends a signal after a step, or in the evaluation after it."""

    def __init__(self, step, event):
        self.step = step
        setattr(self, event, self.send)

    def send(self, args, state, control, **_):
        if state.global_step == self.step:
            self.step = None
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("step", "event"),
    [
        (4, "on_prediction_step"),
        pytest.param(3, "on_step_begin", marks=pytest.mark.slow),
        pytest.param(4, "on_step_begin", marks=pytest.mark.slow),
        pytest.param(4, "on_evaluate", marks=pytest.mark.slow),
    ],
)
def test_a_segment_that_was_stopped_goes_on(trials, monkeypatch, step, event):
    study, unbroken = trials(), trials()
    expected = unbroken.train("b", until=4)
    interrupt = Interrupt(step - (event == "on_step_begin"), event)
    original = segments.train
    with monkeypatch.context() as patch:
        patch.setattr(segments, "train", lambda s, c, **rest: original(s, [interrupt, *c], **rest))
        with suppress(StoppedError):
            study.train("a", until=4)
    found = study.train("a", until=4)
    assert found["eval_overall"] == expected["eval_overall"]
    evaluations = [e for e in study.state("a", 4)["log_history"] if "eval_overall" in e]
    assert [entry["step"] for entry in evaluations] == [4]


def test_a_segment_killed_before_its_checkpoint_is_kept_is_not_trained_again(trials, monkeypatch):
    study = trials()
    with monkeypatch.context() as patch:
        patch.setattr(segments, "_link_checkpoint", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            study.train("a", until=4)
    monkeypatch.setattr(segments, "train", lambda *_, **__: 1 / 0)
    assert study.train("a", until=4) == study.train("a", until=4)


def test_a_begin_that_was_broken_off_is_repeated(trials, monkeypatch):
    study = trials()
    study.train("loser", until=2, learning_rate=1e-5)
    study.train("donor", until=2)
    study.train("other", start=2, until=4, donor="donor")
    original = segments._link
    links = []

    def breaking(source, target):
        links.append(target)
        if len(links) == 3:
            raise KeyboardInterrupt
        original(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(segments, "_link", breaking)
        with pytest.raises(KeyboardInterrupt):
            study.train("loser", start=2, until=4, donor="donor")
    study.train("loser", start=2, until=4, donor="donor")
    files = [study.folder / f"checkpoints/{n}/checkpoint-4" for n in ("loser", "other")]
    assert same(*(load_file(f / "model.safetensors") for f in files))

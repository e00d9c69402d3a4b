import json
import math
import re
from dataclasses import replace

import pytest
import torch
from transformers import SchedulerType

from tests.toys import toy_trainer, whole_and_resumed
from trainer.config.parser import parse
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError

# What each group has of its rate in steps 0 to 9, by hand.
COSINE = [0, 1 / 2, *((1 + math.cos(math.pi * s / 8)) / 2 for s in range(8))]
LINEAR = [1 - s / 10 for s in range(10)]
CYCLES = [0.5, 0.75, 1.0, 0.75] * 3
OWN = {
    "mood": {"lr_scheduler_type": "constant", "learning_rate": 2e-2},
    "same": {"lr_scheduler_type": "linear", "warmup_steps": 0},
    "near": {
        "lr_scheduler_type": "cyclic",
        "warmup_steps": 0,
        "lr_scheduler_kwargs": {"step_size_up": 2, "base_share": 0.5},
    },
}
OPTIONS = {"lr_scheduler_type": "cosine", "warmup_steps": 2, "max_steps": 10, "task_args": OWN}


def logged(trainer, name):
    key = f"learning_rate/{name}"
    return [entry[key] for entry in trainer.state.log_history if key in entry]


def make(**options):
    return HybridMTLTrainingArguments(output_dir="out", use_cpu=True, report_to="none", **options)


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


@pytest.mark.parametrize("optimizer_layout", ["siloed", "per_task", "overlapping"])
def test_each_group_follows_its_own_schedule(tmp_path, optimizer_layout):
    trainer = toy_trainer(tmp_path, optimizer_layout=optimizer_layout, layer_decay=0.5, **OPTIONS)
    trainer.train()
    expected = {
        "shared": [1e-2 * share for share in COSINE],
        "shared_depth_2": [1e-2 * 0.25 * share for share in COSINE],
        "mood": [2e-2] * 10,
        "same": [1e-2 * share for share in LINEAR],
        "near": [1e-2 * share for share in CYCLES[:10]],
    }
    for name, rates in expected.items():
        assert logged(trainer, name) == pytest.approx(rates), name
    # What the optimizers step with, not only what is logged.
    optimizer = trainer.optimizer.optimizer
    parts = getattr(optimizer, "parts", {"all": optimizer}).values()
    rates = {g["name"]: g["lr"] for part in parts for g in part.param_groups}
    assert rates["mood"] == 2e-2 and rates["shared"] == rates["same"] == 0.0
    assert rates["near"] == pytest.approx(1e-2)  # the peak that step 10 would have


def test_a_rate_of_zero_keeps_parameters_where_they_are(tmp_path):
    """The schedules do what they say to the weights: the head is warmed up, the rest is not."""
    own = {"mood": {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 3}}
    options = {"lr_scheduler_type": "constant", "weight_decay": 0.0, "task_args": own}
    trainer = toy_trainer(tmp_path, max_steps=1, **options)
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    trainer.train()
    moved = {n for n, p in trainer.model.named_parameters() if not torch.equal(p, before[n])}
    assert not any(name.startswith("heads.mood.") for name in moved)
    assert any(name.startswith("heads.same.") for name in moved)
    assert any(name.startswith("backbone.") for name in moved)


def test_tasks_without_a_schedule_have_the_shared_one(tmp_path):
    cycles = {"step_size_up": 2, "base_share": 0.5}
    trainer = toy_trainer(
        tmp_path,
        lr_scheduler_type="cyclic",
        lr_scheduler_kwargs=cycles,
        loss_weights="uncertainty",
        max_steps=6,
        task_args={"mood": {"lr_scheduler_type": "linear"}, "near": {"warmup_steps": 2}},
    )
    trainer.train()
    for name, rate in (("shared", 1e-2), ("same", 1e-2), ("loss_weights", 1e-3)):
        assert logged(trainer, name) == pytest.approx([rate * share for share in CYCLES[:6]]), name
    # The options are the cyclic schedule's and not those of the task's own kind.
    assert logged(trainer, "mood") == pytest.approx([1e-2 * (1 - s / 6) for s in range(6)])
    # A warm-up of its own, the rest as shared.
    assert logged(trainer, "near") == pytest.approx([0, 2.5e-3, *(1e-2 * s for s in CYCLES[:4])])


def test_options_that_are_rates_are_rates_of_the_task(tmp_path):
    trainer = toy_trainer(
        tmp_path,
        optimizer_layout="per_task",
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr": 1e-3},
        task_args={"mood": {"learning_rate": 5e-2}},
        max_steps=4,
    )
    trainer.train()
    for name, rate in (("shared", 1e-2), ("mood", 5e-2)):
        middle = 1e-3 + (rate - 1e-3) / 2
        assert logged(trainer, name)[2] == pytest.approx(middle), name
        ends = [g["lr"] for g in trainer.optimizer.param_groups if g["name"] == name]
        assert ends == pytest.approx([1e-3] * len(ends))


@pytest.mark.parametrize("optimizer_layout", ["siloed", "overlapping"])
def test_a_run_with_several_schedules_goes_on_exactly(tmp_path, optimizer_layout):
    whole, resumed = whole_and_resumed(tmp_path, optimizer_layout=optimizer_layout, **OPTIONS)
    assert whole.state.global_step == resumed.state.global_step == 10
    assert (tmp_path / "checkpoint-6" / "scheduler.pt").is_file()
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(a, b)
    for name in ("shared", *OWN):
        assert logged(resumed, name) == logged(whole, name)


def test_a_schedule_that_watches_the_evaluations_is_one_for_all(tmp_path):
    trainer = toy_trainer(
        tmp_path,
        lr_scheduler_type="reduce_lr_on_plateau",
        lr_scheduler_kwargs={"patience": 0, "factor": 0.5, "threshold": 10.0},
        eval_strategy="epoch",
        num_train_epochs=4,
        task_args={"mood": {"learning_rate": 2e-2}},
    )
    trainer.train()
    assert logged(trainer, "shared")[-1] < 1e-2
    ratio = [a / b for a, b in zip(logged(trainer, "mood"), logged(trainer, "shared"), strict=True)]
    assert ratio == pytest.approx([2.0] * len(ratio))


@pytest.mark.parametrize(
    "shared, own, message",
    [
        (
            {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch"},
            {"warmup_steps": 3},
            "task 'a': warmup_steps: the schedule 'reduce_lr_on_plateau' depends on the run's",
        ),
        (
            {},
            {"lr_scheduler_type": "greedy"},
            "task 'a': lr_scheduler_type: the schedule 'greedy' depends on the run's evaluations",
        ),
        (
            {},
            {"lr_scheduler_type": "constat"},
            "task 'a': lr_scheduler_type = 'constat': must be one of linear, ",
        ),
        ({}, {"lr_scheduler_type": "constat"}, "Did you mean 'constant'?"),
        (
            {"lr_scheduler_type": "constant", "warmup_steps": 2},
            {},
            "warmup_steps: the schedule 'constant' has no warm-up; use",
        ),
        ({}, {"warmup_steps": -1}, "task 'a': warmup_steps = -1: must be a number, 0 or more"),
        (
            {},
            {"lr_scheduler_type": "constant", "warmup_steps": 2},
            "task 'a': warmup_steps: the schedule 'constant' has no warm-up; use",
        ),
        (
            {},
            {"lr_scheduler_type": "constant", "lr_scheduler_kwargs": {"step_size_up": 2}},
            "task 'a': lr_scheduler_kwargs: the schedule 'constant' has no options",
        ),
        ({}, {"lr_scheduler_kwargs": {"cycles": 2}}, "task 'a': lr_scheduler_type = 'linear': "),
        (
            {},
            {"lr_scheduler_kwargs": [2]},
            "task 'a': lr_scheduler_kwargs = [2]: must be a mapping",
        ),
        (
            {},
            {"lr_scheduler_type": "cyclic", "lr_scheduler_kwargs": {"step_size": 2}},
            "task 'a': lr_scheduler_type = 'cyclic': cyclic() got an unexpected keyword",
        ),
        (
            {"lr_scheduler_type": "cyclic", "lr_scheduler_kwargs": {"base_share": 2}},
            {},
            "lr_scheduler_type = 'cyclic': base_share = 2: must be a number from 0 to 1",
        ),
        ({"lr_scheduler_type": "cyclical"}, {}, "Did you mean 'cyclic'?"),
        (
            {"optimizer_layout": "single"},
            {"warmup_steps": 3},
            "task 'a': warmup_steps: optimizer_layout 'single' has one warmup_steps for everything",
        ),
        (
            {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 1e-6}},
            {"learning_rate": 0.0},
            "task 'a': lr_scheduler_type = 'cosine_with_min_lr': float division by zero",
        ),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(shared, own, message):
    with refused(message):
        make(**shared, task_args={"a": own})


def test_a_schedule_of_the_configuration_reaches_the_run():
    found = parse(
        [
            "--lr_scheduler_type=cyclic",
            '--lr_scheduler_kwargs={"step_size_up": 30, "mode": "triangular2"}',
            "--tasks.sentiment.lr_scheduler_type=constant",
            "--tasks.similarity.lr_scheduler_kwargs={step_size_up: 1e-1}",
            "--tasks.similarity.warmup_steps=0.1",
        ]
    )
    args = found.training
    assert args.lr_scheduler_type == "cyclic"
    assert args.task_training("sentiment").lr_scheduler_type == "constant"
    assert args.task_training("sentiment").lr_scheduler_kwargs is None
    assert args.task_training("paraphrase").lr_scheduler_kwargs["mode"] == "triangular2"
    similarity = args.task_training("similarity")
    assert (similarity.lr_scheduler_type, similarity.warmup_steps) == ("cyclic", 0.1)
    assert similarity.lr_scheduler_kwargs == {"step_size_up": 0.1}
    assert found.resolved["lr_scheduler_type"] == "cyclic"
    assert found.resolved["tasks"]["similarity"]["lr_scheduler_kwargs"] == {"step_size_up": 0.1}


@pytest.mark.parametrize("given", ["cyclic", "cosine", SchedulerType.COSINE])
def test_the_name_of_a_schedule_stays_text(given):
    args = make(lr_scheduler_type=given)
    name = getattr(given, "value", given)
    assert json.loads(args.to_json_string())["lr_scheduler_type"] == name
    assert replace(args, seed=5).lr_scheduler_type == name
    assert type(args.lr_scheduler_type) is str

"""Weights of losses that are computed after each step, in whole runs."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open

from tests.toys import TASKS, toy_model, toy_trainer, whole_and_resumed
from trainer.objective.loss_weights import LOSS_WEIGHTS, LossBalancer
from trainer.saving.trainer_state import STATE_FILE
from trainer.training.loss_balancing import LossBalancing

BALANCERS = ["gradnorm", "famo", "dwa"]
HUGE = 1e30  # its square is infinite
TWO = {"mood": 24, "near": 24}


class Constant(LossBalancer):
    def next_weights(self, step):
        return torch.full_like(self.weights, 0.5)


def options_of(name):
    return {"loss_weights": name, **({"dwa_period": 2} if name == "dwa" else {})}


@pytest.fixture
def measured(monkeypatch):
    """Return a function: run -> the measurements of its steps, each with the weights in use."""

    def run(trainer):
        kind, seen = type(trainer.loss_weights), []
        update = kind.update

        def recording(balancer, step):
            seen.append((step, balancer.weights.clone()))
            update(balancer, step)

        with monkeypatch.context() as patch:
            patch.setattr(kind, "update", recording)
            trainer.train()
        return seen

    return run


def logged(trainer, task):
    return [e[f"loss_weight/{task}"] for e in trainer.state.log_history if "loss" in e]


@pytest.mark.parametrize("name", ["gradnorm", "famo"])
def test_a_task_with_100_times_the_loss_is_weighed_down(tmp_path, name):
    tasks = copy.deepcopy(TASKS)
    tasks["mood"]["loss_weight"] = 100.0
    rate = {f"{name}_learning_rate": 0.1}
    trainer = toy_trainer(tmp_path, model=toy_model(tasks), max_steps=6, **options_of(name), **rate)
    trainer.train()
    weights = {task: logged(trainer, task) for task in TASKS}
    assert weights["mood"][-1] < 0.9 and weights["same"][-1] > 1.3
    assert sum(values[-1] for values in weights.values()) == pytest.approx(3)


def test_measured_losses_and_norms_are_those_of_the_step(tmp_path, measured):
    options = {"loss_weights": "gradnorm", "per_device_train_batch_size": 2, "sizes": TWO}
    trainer = toy_trainer(tmp_path, max_steps=3, gradient_accumulation_steps=2, **options)
    seen = measured(trainer)
    logs = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert [step.number for step, _ in seen] == [1, 2, 3]
    for (step, weights), log in zip(seen, logs, strict=True):
        for i, task in enumerate(TWO):
            assert (weights[i] * step.losses[i]).item() == pytest.approx(log[f"loss/{task}"])
        assert step.norms.isfinite().all() and step.losses_after.isnan().all()


def test_accumulated_halves_are_measured_as_a_whole_batch(tmp_path, measured):
    seen = []
    for size, count in ((4, 1), (2, 2)):
        trainer = toy_trainer(
            tmp_path,
            sizes=TWO,
            loss_weights="gradnorm",
            per_device_train_batch_size=size,
            gradient_accumulation_steps=count,
            max_steps=2,
            length_window=0,
            optim="sgd",
            learning_rate=1e-3,
        )
        seen.append(measured(trainer))
    for (whole, _), (halves, _) in zip(*seen, strict=True):
        torch.testing.assert_close(whole.losses, halves.losses, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(whole.norms, halves.norms, rtol=1e-4, atol=1e-5)


def test_losses_after_the_step_are_those_of_the_same_batches(tmp_path, measured):
    options = {"loss_weights": "famo", "sizes": TWO, "max_steps": 2}
    still = toy_trainer(tmp_path, learning_rate=0.0, **options)
    moving = toy_trainer(tmp_path, learning_rate=1e-2, lr_scheduler_type="constant", **options)
    for trainer in (still, moving):
        seen = measured(trainer)
        for step, _ in seen:
            if trainer is still:
                torch.testing.assert_close(step.losses_after, step.losses)
            else:
                assert (step.losses_after < step.losses).any()


@pytest.mark.parametrize("options", [{}, {"step_every": "batch"}], ids=str)
@pytest.mark.parametrize("name", BALANCERS)
def test_a_resumed_run_ends_with_the_same_weights(tmp_path, name, options):
    whole, again = whole_and_resumed(tmp_path, **options_of(name), **options)
    first, second = (trainer.loss_weights.state_dict() for trainer in (whole, again))
    for key, value in first.items():
        assert torch.equal(value.nan_to_num(), second[key].nan_to_num()), key
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
    assert whole.loss_weights.weights.tolist() != [1, 1, 1]
    with safe_open(tmp_path / "checkpoint-6" / STATE_FILE, "pt") as file:
        assert "loss_weights/weights" in file.keys()  # noqa: SIM118 - not a mapping


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("name", BALANCERS)
def test_a_skipped_step_changes_no_weights(tmp_path, measured, name, on_device):
    trainer = toy_trainer(
        tmp_path, sizes=TWO, nan_policy="skip", num_train_epochs=1, **options_of(name)
    )
    trainer.decide_on_device = on_device
    rows = trainer.train_dataset.tasks["near"]
    labels = [HUGE, *rows["labels"][1:]]
    trainer.train_dataset.tasks["near"] = rows.remove_columns("labels").add_column("labels", labels)
    seen = measured(trainer)
    assert trainer.nan_guard.skipped == 1
    skipped = [i for i, (step, _) in enumerate(seen) if step.skipped > 0]
    assert len(skipped) == 1 and len(seen) == trainer.state.global_step
    after = [weights for _, weights in seen[1:]] + [trainer.loss_weights.weights]
    if name != "dwa":  # whose period may end with the step
        assert torch.equal(after[skipped[0]], seen[skipped[0]][1])
    assert all(math.isfinite(w) for w in trainer.loss_weights.weights)


def test_a_step_that_a_gradient_scaler_skips_is_measured_as_skipped():
    steps = []
    balancer = Constant({"mood": None, "near": None})
    accelerator = SimpleNamespace(optimizer_step_was_skipped=True, reduce=lambda x, _: x)
    balancing = LossBalancing(balancer, accelerator)
    for was_skipped in (True, False):
        accelerator.optimizer_step_was_skipped = was_skipped
        balancing.record("near", {}, torch.tensor(2.0))
        balancing.record("near", {}, torch.tensor(4.0))
        for _ in range(2):  # the second call, as at the end of an epoch, has no effect
            balancing.after_step(7, {"near": torch.tensor(5.0)}, None, None)
        steps.append(balancer.weights.tolist())
    assert steps == [[1, 1], [0.5, 0.5]]
    assert balancer.losses.isnan().tolist() == [True, False] and balancer.losses[1] == 3


@pytest.mark.parametrize(
    "options",
    [
        {"aggregator": "pcgrad"},
        {"optimizer_layout": "per_task"},
        {"optimizer_layout": "overlapping", "aggregator": "gradvac"},
        {"trainable": "lora"},
        {"ema_decay": 0.9, "rdrop_weight": 1.0},
        {"bf16": True},
    ],
    ids=str,
)
def test_combinations_train(tmp_path, options):
    for name in BALANCERS:
        trainer = toy_trainer(tmp_path, max_steps=4, **options_of(name), **options)
        trainer.train()
        assert set(logged(trainer, "mood")) != {1.0}
        assert sum(trainer.loss_weights.weights.tolist()) == pytest.approx(3)


def test_a_given_optimizer_is_no_obstacle(tmp_path):
    trainer = toy_trainer(tmp_path, max_steps=2, loss_weights="famo")
    given = torch.optim.SGD(trainer.model.parameters(), lr=0.1)
    again = type(trainer)(
        trainer.model,
        trainer.args,
        train_dataset=trainer.train_dataset.tasks,
        processing_class=trainer.processing_class,
        optimizers=(given, None),
    )
    again.train()
    assert again.loss_weights.weights.tolist() != [1, 1, 1]


def test_a_users_weights_are_chosen_by_name(tmp_path):
    LOSS_WEIGHTS.register("halves", Constant)
    try:
        trainer = toy_trainer(tmp_path, max_steps=2, loss_weights="halves")
        trainer.train()
        assert logged(trainer, "near") == [0.5, 0.5]
    finally:
        del LOSS_WEIGHTS.entries["halves"]

"""Training on the device gives what it gives on the CPU.

In float32, without tf32, weights after a few steps agree to 1e-4 of their size. The optimizer of
these comparisons is SGD: Adam divides a gradient by its own size, and so makes a step of full
length of what is but rounding.
"""

import math

import pytest
import torch

from tests.toys import toy_model, toy_trainer, whole_and_resumed
from tests.training.test_nan_guard import spoil
from trainer.errors import InputError
from trainer.objective.aggregators import AGGREGATORS
from trainer.training.nan_guard import NonFiniteError

pytestmark = pytest.mark.gpu
close = {"rtol": 1e-4, "atol": 1e-5}
STEPS = {"max_steps": 3, "logging_steps": 2}


def trained(folder, **options):
    try:
        trainer = toy_trainer(folder, **{**STEPS, **options})
    except InputError as error:
        if "not installed" in str(error):
            pytest.skip(str(error))
        raise
    trainer.train()
    return trainer


def weights(trainer):
    return {name: p.detach().cpu() for name, p in trainer.model.named_parameters()}


def losses(trainer):
    return [log["loss"] for log in trainer.state.log_history if "loss" in log]


def assert_as_on_the_cpu(folder, on_device, **options):
    options = {"optim": "sgd", **options}
    here = weights(trained(folder, **on_device, **options))
    there = weights(trained(folder, use_cpu=True, **options))
    start = dict(toy_model().named_parameters())
    for name, value in there.items():
        torch.testing.assert_close(here[name], value, **close, msg=lambda m, n=name: f"{n}: {m}")
    assert any(
        name in start and not torch.equal(value, start[name]) for name, value in here.items()
    )


@pytest.mark.parametrize("optimizer_layout", ["siloed", "single", "per_task", "overlapping"])
def test_layouts(tmp_path, on_device, optimizer_layout):
    assert_as_on_the_cpu(tmp_path, on_device, optimizer_layout=optimizer_layout)


@pytest.mark.parametrize("aggregator", [r for r in AGGREGATORS if r not in ("graddrop", "mtrec")])
def test_aggregators(tmp_path, on_device, aggregator):
    assert_as_on_the_cpu(tmp_path, on_device, aggregator=aggregator)


def test_mtrec(tmp_path, on_device):
    assert_as_on_the_cpu(tmp_path, on_device, aggregator="mtrec", auxiliary_tasks=["near"])


def test_graddrop(tmp_path, on_device):
    """Its draws are those of the device."""
    assert all(
        math.isfinite(x) for x in losses(trained(tmp_path, aggregator="graddrop", **on_device))
    )


@pytest.mark.parametrize(
    "options",
    [
        {"step_every": "batch"},
        {"gradient_accumulation_steps": 2},
        {"loss_weights": "uncertainty"},
        {"loss_weights": "gradnorm"},
        {"loss_weights": "famo"},
        {"loss_weights": "dwa", "dwa_period": 1},
        {"ema_decay": 0.9},
        {"layer_decay": 0.9},
        {"trainable": "lora"},
        {"trainable": "adapters"},
        {"trainable": "heads", "sizes": {"mood": 12, "same": 12}},
        {"gradient_checkpointing": True},
    ],
    ids=str,
)
def test_options(tmp_path, on_device, options):
    if str(options.get("trainable")) in ("lora", "adapters"):
        # What adapters begin with is drawn on the device.
        here = trained(tmp_path, optim="sgd", **on_device, **options)
        assert all(math.isfinite(x) for x in losses(here))
        return
    assert_as_on_the_cpu(tmp_path, on_device, **options)


def test_adamw_goes_the_same_way(tmp_path, on_device):
    here, there = (
        losses(trained(tmp_path, max_steps=6, logging_steps=1, learning_rate=1e-3, **options))
        for options in (on_device, {"use_cpu": True})
    )
    assert here == pytest.approx(there, rel=1e-3)


@pytest.mark.parametrize("options", [{"smart_weight": 1.0}, {"rdrop_weight": 1.0}], ids=str)
def test_regularizers_that_draw(tmp_path, on_device, options):
    found = losses(trained(tmp_path, **on_device, **options))
    assert found and all(math.isfinite(x) for x in found)


def test_bregman(tmp_path, on_device):
    assert_as_on_the_cpu(tmp_path, on_device, bregman_weight=1.0)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize(
    "options", [{}, {"aggregator": "pcgrad"}, {"optimizer_layout": "overlapping"}], ids=str
)
def test_half_precision_goes_the_same_way(tmp_path, device, on_device, precision, options):
    """fp16 with its gradient scaler; losses of half precision agree to 5%.

    A scaler that leaves out its first steps, as it may, is behind by as many.
    """
    if device == "cpu" and precision == "fp16":
        pytest.skip("fp16 needs a GPU")
    if precision == "fp16" and "optimizer_layout" in options:
        pytest.skip("refused: this layout's gradients are not scaled")
    rate = 1e-5 if precision == "fp16" else 1e-3
    options = {"max_steps": 6, "logging_steps": 1, "learning_rate": rate, **on_device, **options}
    half = losses(trained(tmp_path, **{precision: True}, **options))
    assert half == pytest.approx(losses(trained(tmp_path, **options)), rel=0.05)


def test_a_compiled_model_goes_the_same_way(tmp_path, device, on_device):
    if device == "cpu":
        pytest.skip("takes a minute there, and has a test of its own")
    options = {"optim": "sgd", **on_device}
    found = losses(trained(tmp_path, torch_compile=True, **options))
    assert found == pytest.approx(losses(trained(tmp_path, **options)), rel=1e-3)


@pytest.mark.parametrize("options", [{}, {"aggregator": "pcgrad", "ema_decay": 0.9}], ids=str)
def test_a_resumed_run_has_the_same_weights_to_the_bit(tmp_path, on_device, options):
    torch.use_deterministic_algorithms(True)
    try:
        whole, again = whole_and_resumed(tmp_path, **on_device, **options)
    finally:
        torch.use_deterministic_algorithms(False)
    for name, value in weights(whole).items():
        assert torch.equal(weights(again)[name], value), name


def test_a_bad_step_is_left_out(tmp_path, on_device):
    trainer = toy_trainer(tmp_path, num_train_epochs=1, nan_policy="skip", **on_device)
    spoil(trainer)
    trainer.decide_on_device = True
    trainer.train()
    assert trainer.nan_guard.skipped == 1
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())


def test_a_bad_step_is_named(tmp_path, on_device):
    trainer = toy_trainer(tmp_path, num_train_epochs=1, **on_device)
    text = spoil(trainer)
    trainer.decide_on_device = True
    with pytest.raises(NonFiniteError, match="the loss of task 'near' is inf") as caught:
        trainer.train()
    assert text in str(caught.value)
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())

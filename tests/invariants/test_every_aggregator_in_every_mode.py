"""Every aggregator with accumulation, activations computed again, and half precision."""

import functools

import pytest
import torch

from tests.toys import toy_model, toy_trainer
from trainer.objective.aggregators import AGGREGATORS
from trainer.optimization import LAYOUTS, NEED_TASK_GRADIENTS

# What an aggregator keeps from one step for the next has to come right twice.
WHOLE = {"per_device_train_batch_size": 8, "length_window": 0, "max_steps": 2}
HALVES = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
WAYS = [{"aggregator": aggregator} for aggregator in AGGREGATORS] + [
    {"optimizer_layout": optimizer_layout} for optimizer_layout in LAYOUTS
]


def options_of(way):
    return {**way, **({"auxiliary_tasks": ["near"]} if way.get("aggregator") == "mtrec" else {})}


@pytest.fixture(params=WAYS, ids=lambda way: "-".join(way.values()))
def way(request):
    return options_of(request.param)


def trained(folder, **options):
    trainer = toy_trainer(folder, **{**WHOLE, **options})
    trainer.train()
    return trainer


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Trains in a way as it is, once for all that is compared with it; nobody may train it on."""
    folder = tmp_path_factory.mktemp("plain")

    @functools.cache
    def train(**options):
        return trained(folder, **options)

    return lambda way: train(**{k: tuple(v) if isinstance(v, list) else v for k, v in way.items()})


def weights(trainer):
    return {name: p.detach().clone() for name, p in trainer.model.named_parameters()}


def assert_close(first, second, **tolerance):
    for name, weight in weights(first).items():
        torch.testing.assert_close(weights(second)[name], weight, **tolerance, msg=name)


def test_accumulated_halves_are_a_whole_batch(tmp_path, plain, way):
    assert_close(plain(way), trained(tmp_path, **HALVES, **way), rtol=1e-2, atol=1e-3)


def test_activations_computed_again_are_the_same(tmp_path, plain, way):
    again = trained(tmp_path, activation_checkpointing=True, **way)
    assert_close(plain(way), again, rtol=1e-3, atol=1e-4)


def losses(trainer):
    return [log["loss"] for log in trainer.state.log_history if "loss" in log]


def movement(trainer):
    """From where training began to where it ended, as one vector."""
    start = toy_model().named_parameters()
    moved = weights(trainer)
    return torch.cat([(moved[name] - weight).flatten() for name, weight in start]).detach()


def test_bfloat16_learns_what_float32_does(tmp_path, plain, way):
    half = trained(tmp_path, bf16=True, **way)
    assert half.accelerator.mixed_precision == "bf16"
    assert losses(half) == pytest.approx(losses(plain(way)), rel=0.05)
    assert torch.cosine_similarity(movement(half), movement(plain(way)), dim=0) > 0.98
    assert all(p.dtype == torch.float32 for p in half.model.parameters())


def test_every_pass_of_a_step_is_in_bfloat16(tmp_path):
    """The passes of several tasks together, too, which go by another method of the model."""
    trainer = toy_trainer(tmp_path, bf16=True, logging_steps=2, max_steps=4)
    kinds, layer = [], trainer.model.backbone.encoder.layer[0].output.dense
    layer.register_forward_hook(lambda *given: kinds.append(given[2].dtype))
    trainer.train()
    assert len(kinds) > trainer.state.global_step and set(kinds) == {torch.bfloat16}


@pytest.mark.parametrize("optimizer_layout", LAYOUTS)
def test_float16_is_for_layouts_whose_optimizer_the_scaler_sees(tmp_path, optimizer_layout):
    if optimizer_layout in NEED_TASK_GRADIENTS:
        with pytest.raises(ValueError, match="use bf16"):
            trained(tmp_path, fp16=True, optimizer_layout=optimizer_layout)
    else:
        trainer = trained(tmp_path, fp16=True, optimizer_layout=optimizer_layout)
        assert trainer.accelerator.mixed_precision == "fp16"
        assert all(p.isfinite().all() for p in trainer.model.parameters())


# Aggregators join gradients before an optimizer sees them: one aggregator shows what another
# optimizer_layout does.
@pytest.mark.parametrize(
    ("aggregator", "optimizer_layout"),
    [*((aggregator, "siloed") for aggregator in AGGREGATORS), ("pcgrad", "single")],
)
def test_a_scaled_gradient_is_aggregated_without_the_scale(
    tmp_path, plain, aggregator, optimizer_layout
):
    way = options_of(
        {"aggregator": aggregator, "optimizer_layout": optimizer_layout, "max_grad_norm": 0.0}
    )
    scaled = toy_trainer(tmp_path, **{**WHOLE, **way})
    # The scaler of a GPU, which a CPU has no use for; powers of two change no digit.
    scaled.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    scaled.train()
    assert_close(plain(way), scaled, rtol=1e-3, atol=1e-4)

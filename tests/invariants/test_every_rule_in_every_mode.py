"""Every update rule with accumulation, activations computed again, and half precision."""

import pytest
import torch

from tests.toys import toy_trainer
from trainer.objective.aggregators import AGGREGATORS
from trainer.optimization import LAYOUTS, NEED_TASK_GRADIENTS

WAYS = [{"rule": rule} for rule in AGGREGATORS] + [{"layout": layout} for layout in LAYOUTS]
WHOLE = {"per_device_train_batch_size": 8, "length_window": 0, "max_steps": 4}


def options_of(way):
    return {**way, **({"auxiliary_tasks": ["near"]} if way.get("rule") == "mtrec" else {})}


@pytest.fixture(params=WAYS, ids=lambda way: "-".join(way.values()))
def way(request):
    return options_of(request.param)


def trained(folder, **options):
    trainer = toy_trainer(folder, **{**WHOLE, **options})
    trainer.train()
    return trainer


def weights(trainer):
    return {name: p.detach().clone() for name, p in trainer.model.named_parameters()}


def assert_close(first, second, **tolerance):
    for name, weight in weights(first).items():
        torch.testing.assert_close(weights(second)[name], weight, **tolerance, msg=name)


def test_accumulated_quarters_are_a_whole_batch(tmp_path, way):
    whole = trained(tmp_path / "whole", **way)
    quarters = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
    assert_close(whole, trained(tmp_path / "quarters", **quarters, **way), rtol=1e-2, atol=1e-3)


def test_activations_computed_again_are_the_same(tmp_path, way):
    kept = trained(tmp_path / "kept", **way)
    again = trained(tmp_path / "again", gradient_checkpointing=True, **way)
    assert_close(kept, again, rtol=1e-3, atol=1e-4)


def test_bfloat16_learns_what_float32_does(tmp_path, way):
    whole = trained(tmp_path / "whole", num_train_epochs=3, max_steps=-1, **way)
    half = trained(tmp_path / "half", bf16=True, num_train_epochs=3, max_steps=-1, **way)
    assert half.accelerator.mixed_precision == "bf16"
    first, before = (t.evaluate()["eval_loss"] for t in (whole, toy_trainer(tmp_path / "new")))
    assert half.evaluate()["eval_loss"] == pytest.approx(first, abs=0.4 * abs(before - first))
    assert all(p.dtype == torch.float32 for p in half.model.parameters())


def test_every_pass_of_a_step_is_in_bfloat16(tmp_path):
    """The passes of several tasks together, too, which go by another method of the model."""
    trainer = toy_trainer(tmp_path, bf16=True, logging_steps=5)
    kinds, layer = [], trainer.model.backbone.encoder.layer[0].output.dense
    layer.register_forward_hook(lambda *given: kinds.append(given[2].dtype))
    trainer.train()
    assert len(kinds) > trainer.state.global_step and set(kinds) == {torch.bfloat16}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_float16_is_for_layouts_whose_optimizer_the_scaler_sees(tmp_path, layout):
    if layout in NEED_TASK_GRADIENTS:
        with pytest.raises(ValueError, match="use bf16"):
            trained(tmp_path, fp16=True, layout=layout)
    else:
        trainer = trained(tmp_path, fp16=True, layout=layout)
        assert trainer.accelerator.mixed_precision == "fp16"
        assert all(p.isfinite().all() for p in trainer.model.parameters())


@pytest.mark.parametrize("layout", ["siloed", "single"])
@pytest.mark.parametrize("rule", AGGREGATORS)
def test_a_scaled_gradient_is_joined_as_it_is_without_the_scale(tmp_path, rule, layout):
    way = options_of({"rule": rule, "layout": layout, "max_grad_norm": 0.0})
    plain = trained(tmp_path / "plain", **way)
    scaled = toy_trainer(tmp_path / "scaled", **{**WHOLE, **way})
    # The scaler of a GPU, which a CPU has no use for; powers of two change no digit.
    scaled.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    scaled.train()
    assert_close(plain, scaled, rtol=1e-3, atol=1e-4)

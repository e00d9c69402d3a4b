"""A linear layer with low-rank updates."""

import math

import pytest
import torch

from tests.modeling.toy_models import (
    TASKS,
    inputs_for,
    labels_for,
    toy_model,
    with_adapters,
    without_dropout,
)

QUERY = "backbone.encoder.layer.0.attention.self.query"


def logits(model, task):
    return model.eval()(**inputs_for(task), task=task).logits


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


class TestLayer:
    def test_it_adds_the_low_rank_product(self):
        model = with_adapters(toy_model(), "mood", alpha=6)
        layer = model.get_submodule(QUERY)
        x = torch.randn(4, 16)
        model.activate_adapters("mood")
        a, b = layer.lora_A["mood"].weight, layer.lora_B["mood"].weight
        close(layer(x), x @ layer.weight.T + layer.bias + 6 / 2 * x @ a.T @ b.T)
        model.activate_adapters("stars")
        close(layer(x), x @ layer.weight.T + layer.bias)

    def test_dropout_thins_out_what_the_additions_read_alone(self):
        model = with_adapters(toy_model(), "mood", dropout=0.5).train()
        layer = model.get_submodule(QUERY)
        model.activate_adapters("mood")
        x = torch.eye(16)
        plain = x @ layer.weight.T + layer.bias
        added = 3 / 2 * layer.lora_A["mood"].weight.T @ layer.lora_B["mood"].weight.T
        ratio = (layer(x) - plain) / added
        # Each row of the identity is kept, twice as large, or left out.
        kept = ratio.mean(dim=1)
        assert {round(value, 2) for value in kept.tolist()} == {0.0, 2.0}
        close(layer.eval()(x), plain + added)

    def test_a_new_adapter_changes_nothing_and_learns(self):
        model = toy_model(tasks=without_dropout(TASKS))
        before = logits(model, "mood")
        model.attach_task_adapters(["mood"], target_modules=["query", "value"])
        assert torch.equal(before, logits(model, "mood"))
        model(**inputs_for("mood"), task="mood", labels=labels_for("mood")).loss.backward()
        layer = model.get_submodule(QUERY)
        assert layer.lora_B["mood"].weight.grad.abs().sum() > 0

    def test_its_first_matrix_is_drawn_as_peft_draws_it(self):
        model = toy_model()
        model.attach_task_adapters(["mood"], rank=500, target_modules=["query"])
        a = model.get_submodule(QUERY).lora_A["mood"].weight
        # Kaiming uniform with a = sqrt(5): from -1/sqrt(in) to 1/sqrt(in).
        assert a.shape == (500, 16)
        assert a.abs().max() <= 1 / math.sqrt(16)
        assert a.std().item() == pytest.approx(1 / math.sqrt(3 * 16), rel=0.05)

    def test_only_keys_are_added(self):
        plain, model = toy_model(), with_adapters(toy_model(), "mood")
        added = model.state_dict().keys() - plain.state_dict().keys()
        assert plain.state_dict().keys() <= model.state_dict().keys()
        assert {key for key in added if key.startswith(QUERY)} == {
            f"{QUERY}.lora_A.mood.weight",
            f"{QUERY}.lora_B.mood.weight",
        }
        assert len(added) == 2 * 2 * 2

    def test_it_has_the_dtype_of_its_layer(self):
        model = with_adapters(toy_model().to(torch.bfloat16), "mood")
        assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
        assert logits(model, "mood").isfinite().all()

import copy

import pytest
import torch
from torch import nn
from transformers import AutoModel

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from modeling_hybrid_mtl.lora_hybrid_mtl import LoRALinear, adapted_layers
from tests.modeling.toy_models import (
    BACKBONES,
    TASKS,
    inputs_for,
    labels_for,
    toy_backbone_config,
    toy_model,
    with_adapters,
    without_dropout,
)

QUERY = "backbone.encoder.layer.0.attention.self.query"
TARGETS = {
    "bert": ["query", "value"],
    "distilbert": ["q_lin", "v_lin"],
    "roberta": ["query", "value"],
    "modernbert": ["Wqkv"],
}


def logits(model, task):
    return model.eval()(**inputs_for(task), task=task).logits


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


class TestSwitching:
    def test_an_adapter_changes_the_answers_of_its_own_task_alone(self):
        plain, model = toy_model(), with_adapters(toy_model(), "mood", "near")
        for task in TASKS:
            same = torch.equal(logits(plain, task), logits(model, task))
            assert same == (task not in ("mood", "near")), task

    def test_without_a_task_the_encoder_is_plain(self):
        plain, model = toy_model(), with_adapters(toy_model(), "mood")
        logits(model, "mood")
        inputs = inputs_for("mood")
        assert torch.equal(plain(**inputs).embeddings, model(**inputs).embeddings)

    def test_the_shared_one_is_every_task_s(self):
        plain, model = toy_model(), with_adapters(toy_model(), "shared")
        for task in TASKS:
            assert not torch.equal(logits(plain, task), logits(model, task)), task
        inputs = inputs_for("mood")
        assert not torch.equal(plain(**inputs).embeddings, model(**inputs).embeddings)

    def test_adapters_of_two_kinds_add_up(self):
        model = with_adapters(toy_model(), "shared", "mood")
        layer, x = model.get_submodule(QUERY), torch.randn(4, 16)
        model.activate_adapters("mood")
        weight = layer.weight + layer.delta_weight("shared") + layer.delta_weight("mood")
        close(layer(x), x @ weight.T + layer.bias)

    def test_adapters_may_have_other_layers_each(self):
        plain, model = toy_model(), toy_model()
        with_adapters(model, "mood", target_modules=["query"])
        with_adapters(model, "stars", target_modules=["encoder.layer.1.attention.self.key"], rank=3)
        assert len(adapted_layers(model.backbone)) == 3
        for task in ("mood", "stars"):
            assert not torch.equal(logits(plain, task), logits(model, task))
        assert torch.equal(logits(plain, "tags"), logits(model, "tags"))

    def test_an_unknown_task_is_refused(self):
        inputs = inputs_for("mood")
        with pytest.raises(ValueError, match="no task 'moood' in this model"):
            toy_model().encode_tokens(inputs["input_ids"], task="moood")

    @pytest.mark.parametrize("reentrant", [False, True])
    def test_gradients_are_the_same_when_activations_are_computed_again(self, reentrant):
        backbone = toy_backbone_config(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        plain = HybridMTLModel(HybridMTLConfig(backbone, without_dropout(TASKS))).train()
        again = copy.deepcopy(with_adapters(plain, "mood", "near"))
        again.activation_checkpointing_enable({"use_reentrant": reentrant})
        for task in ("mood", "stars", "near"):
            for model in (plain, again):
                model(**inputs_for(task), task=task, labels=labels_for(task)).loss.backward()
        for (name, a), b in zip(plain.named_parameters(), again.parameters(), strict=True):
            assert (a.grad is None) == (b.grad is None), name
            if a.grad is not None:
                close(a.grad, b.grad)


class TestMerging:
    @pytest.mark.parametrize("kind", BACKBONES)
    @pytest.mark.parametrize("names", [["mood"], ["shared"], ["shared", "mood"]], ids=str)
    def test_a_model_of_one_task_answers_alike(self, kind, names):
        model = with_adapters(toy_model(kind), *names, "near", target_modules=TARGETS[kind])
        before = copy.deepcopy(model.state_dict())
        alone = model.merged("mood")
        assert list(alone.config.tasks) == list(alone.heads) == ["mood"]
        assert alone.config.adapters == {} and not adapted_layers(alone.backbone)
        expected = toy_model(kind, tasks={"mood": TASKS["mood"]})
        assert alone.state_dict().keys() == expected.state_dict().keys()
        close(logits(model, "mood"), logits(alone, "mood"))
        for name, weight in model.state_dict().items():
            assert torch.equal(weight, before[name])

    def test_a_task_without_an_adapter_gets_the_plain_encoder(self):
        plain, model = toy_model(), with_adapters(toy_model(), "mood")
        assert torch.equal(logits(plain, "near"), logits(model.merged("near"), "near"))

    def test_the_shared_one_is_folded_in_for_all(self, tmp_path):
        model = with_adapters(toy_model(), "shared", "mood")
        before = {task: logits(model, task) for task in TASKS}
        model.merge_adapter("shared")
        assert list(model.config.adapters) == ["mood"]
        assert not any(".shared." in key for key in model.state_dict())
        for task, expected in before.items():
            close(logits(model, task), expected)
        model.save_pretrained(tmp_path)
        close(logits(model, "mood"), logits(HybridMTLModel.from_pretrained(tmp_path), "mood"))

    def test_after_the_last_one_the_layers_are_what_they_were(self):
        model = with_adapters(toy_model(), "shared")
        model.merge_adapter("shared")
        assert model.state_dict().keys() == toy_model().state_dict().keys()
        assert type(model.get_submodule(QUERY)) is nn.Linear
        with_adapters(model, "shared")
        assert type(model.get_submodule(QUERY)) is LoRALinear

    def test_a_task_s_own_is_folded_in_if_it_is_the_only_task(self):
        model = with_adapters(toy_model(tasks={"mood": TASKS["mood"]}), "mood")
        before = logits(model, "mood")
        model.merge_adapter("mood")
        close(logits(model, "mood"), before)

    def test_what_other_tasks_do_not_read_is_not_folded_in(self):
        model = with_adapters(toy_model(), "mood")
        with pytest.raises(ValueError, match="other tasks use the encoder without it"):
            model.merge_adapter("mood")
        with pytest.raises(ValueError, match="this model has no adapter 'near'; .*: mood"):
            model.merge_adapter("near")


class TestSaving:
    @pytest.mark.parametrize("kind", BACKBONES)
    def test_a_loaded_model_answers_alike(self, kind, tmp_path):
        model = with_adapters(toy_model(kind), "shared", "mood", target_modules=TARGETS[kind])
        model.save_pretrained(tmp_path)
        again = AutoModel.from_pretrained(tmp_path)
        assert again.config.adapters == model.config.adapters
        for task in TASKS:
            close(logits(model, task), logits(again, task))

    def test_missing_matrices_are_drawn_as_new_ones_are(self, tmp_path):
        toy_model().save_pretrained(tmp_path)
        config = HybridMTLConfig.from_pretrained(tmp_path)
        config.adapters = {"mood": {"rank": 200, "target_modules": ["query"], "alpha": 1.0}}
        model, info = HybridMTLModel.from_pretrained(
            tmp_path, config=config, output_loading_info=True
        )
        assert len(info["missing_keys"]) == 4
        for layer in adapted_layers(model.backbone).values():
            assert layer.lora_B["mood"].weight.count_nonzero() == 0
            assert 0.2 < layer.lora_A["mood"].weight.abs().max() <= 0.25
        assert torch.equal(logits(toy_model(), "mood"), logits(model, "mood"))

    def test_a_new_model_s_adapters_are_without_effect(self):
        backbone = toy_backbone_config()
        adapters = {"mood": {"rank": 200, "target_modules": ["query"]}}
        model = HybridMTLModel(HybridMTLConfig(backbone, TASKS, adapters=adapters))
        for layer in adapted_layers(model.backbone).values():
            assert layer.lora_B["mood"].weight.count_nonzero() == 0
            assert 0.2 < layer.lora_A["mood"].weight.abs().max() <= 0.25

    def test_a_copy_switches_by_itself(self):
        model = with_adapters(toy_model(), "mood")
        other = copy.deepcopy(model)
        expected = logits(model, "mood")
        model.activate_adapters(None)
        assert torch.equal(logits(other, "mood"), expected)
        assert model._active.names == ()


class TestWrongEntries:
    @pytest.mark.parametrize(
        "entry, message",
        [
            (
                {"target_modules": ["quary"]},
                "'quary' matches no layer .* are dense, key, query, value",
            ),
            ({"target_modules": ["query", "LayerNorm"]}, "LayerNorm' is not a linear layer"),
        ],
    )
    def test_layers_that_are_not_there_are_named(self, entry, message):
        config = HybridMTLConfig(toy_backbone_config(), TASKS, adapters={"mood": entry})
        with pytest.raises(ValueError, match=message):
            HybridMTLModel(config)
        model = toy_model()
        with pytest.raises(ValueError, match=message):
            model.attach_task_adapters(["mood"], **entry)
        assert model.config.adapters == {} and not adapted_layers(model.backbone)

    def test_an_adapter_is_added_once(self):
        with pytest.raises(ValueError, match="adapter 'mood' exists already"):
            with_adapters(toy_model(), "mood", "mood")


class TestWhatTransformersOffersForPeft:
    @pytest.mark.parametrize(
        ("call", "instead"),
        [
            (lambda m: m.add_adapter(None, "mood"), "attach_task_adapters"),
            (lambda m: m.load_adapter("folder"), "loaded with the model"),
            (lambda m: m.set_adapter("mood"), "task=name"),
            (lambda m: m.active_adapters(), r"config\.adapters_of\(task\)"),
            (lambda m: m.enable_adapters(), "for its task"),
            (lambda m: m.disable_adapters(), "without a task"),
            (lambda m: m.get_adapter_state_dict("mood"), "state_dict"),
            (lambda m: m.enable_peft_hotswap(), "its own adapter"),
        ],
    )
    def test_it_is_refused_by_name(self, call, instead):
        model = with_adapters(toy_model(), "mood")
        before = list(model.state_dict())
        with pytest.raises(ValueError, match=rf"^\w+\(\) is not supported.*{instead}"):
            call(model)
        assert list(model.state_dict()) == before

    @pytest.mark.parametrize("names", ["mood", ["mood"], ["near", "mood"]])
    def test_deleted_adapters_leave_nothing(self, names, tmp_path):
        model, plain = with_adapters(toy_model(), "mood", "near"), toy_model()
        model.delete_adapter(names)
        left = {"mood", "near"} - ({names} if isinstance(names, str) else set(names))
        assert set(model.config.adapters) == left
        model.save_pretrained(tmp_path)
        inputs = inputs_for("mood")
        for found in (model, HybridMTLModel.from_pretrained(tmp_path)):
            assert not any(".mood." in name for name in found.state_dict() if "lora" in name)
            expected = plain(**inputs, task="mood").logits
            torch.testing.assert_close(found(**inputs, task="mood").logits, expected)

    def test_one_that_is_not_there_is_named_and_all_others_stay(self):
        model = with_adapters(toy_model(), "mood")
        with pytest.raises(
            ValueError, match="this model has no adapter 'near'; its adapters: mood"
        ):
            model.delete_adapter(["mood", "near"])
        assert list(model.config.adapters) == ["mood"]

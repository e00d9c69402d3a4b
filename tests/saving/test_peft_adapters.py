"""Adapters go to peft and come back, and both compute the same."""

import copy
import json

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.lora_hybrid_mtl import adapted_layers
from tests.modeling.toy_models import inputs_for, toy_model, with_adapters
from trainer.errors import InputError
from trainer.saving.peft_adapters import plain_encoder, read_peft_adapter, write_peft_adapters

TARGETS = {
    "bert": ["query", "value"],
    "distilbert": ["q_lin", "v_lin"],
    "modernbert": ["Wqkv"],
}


def vectors(encoder):
    with torch.no_grad():
        return of_tokens(encoder.eval()(**inputs_for("mood")).last_hidden_state)


def own_vectors(model, task):
    with torch.no_grad():
        return of_tokens(model.eval()(**inputs_for("mood"), task=task).last_hidden_state)


def of_tokens(hidden):
    """Without what stands for padding, which means nothing."""
    return hidden[inputs_for("mood")["attention_mask"].bool()]


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def peft_model(kind="bert", **options):
    """The toy model's encoder with random additions by peft."""
    options = {"r": 2, "lora_alpha": 3, "target_modules": TARGETS[kind], **options}
    model = get_peft_model(plain_encoder(toy_model(kind)), LoraConfig(**options))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    return model


class TestWriting:
    @pytest.mark.parametrize("kind", TARGETS)
    @pytest.mark.parametrize("names", [["mood", "stars"], ["shared", "mood", "stars"]], ids=len)
    def test_peft_gives_the_vectors_that_the_task_reads(self, kind, names, tmp_path):
        model = with_adapters(toy_model(kind), *names, target_modules=TARGETS[kind])
        write_peft_adapters(model, tmp_path)
        assert {path.name for path in (tmp_path / "adapters").iterdir()} == {"mood", "stars"}
        for task in ("mood", "stars"):
            folder = tmp_path / "adapters" / task
            theirs = PeftModel.from_pretrained(plain_encoder(model), folder)
            close(vectors(theirs), own_vectors(model, task))
            close(vectors(theirs.merge_and_unload()), own_vectors(model, task))
        close(vectors(plain_encoder(model)), own_vectors(model, "tags"))

    def test_it_writes_what_peft_writes(self, tmp_path):
        write_peft_adapters(with_adapters(toy_model(), "mood"), tmp_path)
        theirs = peft_model()
        theirs.save_pretrained(tmp_path / "theirs")
        ours, other = (
            load_file(tmp_path / name / "adapter_model.safetensors")
            for name in ("adapters/mood", "theirs")
        )
        assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in other.items()}

    def test_merged_equals_peft_s(self, tmp_path):
        model = with_adapters(toy_model(), "mood")
        write_peft_adapters(model, tmp_path)
        theirs = PeftModel.from_pretrained(plain_encoder(model), tmp_path / "adapters" / "mood")
        theirs = theirs.merge_and_unload().state_dict()
        for name, weight in model.merged("mood").backbone.state_dict().items():
            close(weight, theirs[name])

    def test_the_model_is_left_alone(self, tmp_path):
        model = with_adapters(toy_model(), "shared", "mood")
        before = copy.deepcopy(model.state_dict())
        plain_encoder(model)
        write_peft_adapters(model, tmp_path)
        assert all(torch.equal(w, before[n]) for n, w in model.state_dict().items())


class TestReading:
    @pytest.mark.parametrize("kind", TARGETS)
    @pytest.mark.parametrize(
        "options",
        [{}, {"use_rslora": True}, {"exclude_modules": r".*\.0\..*"}, {"lora_dropout": 0.25}],
        ids=str,
    )
    def test_the_task_reads_what_peft_gives(self, kind, options, tmp_path):
        theirs, model = peft_model(kind, **options), toy_model(kind)
        plain = own_vectors(model, "mood")
        theirs.save_pretrained(tmp_path)
        read_peft_adapter(model, "mood", tmp_path)
        close(own_vectors(model, "mood"), vectors(theirs))
        assert not torch.allclose(own_vectors(model, "mood"), plain, atol=1e-3)
        assert torch.equal(own_vectors(model, "stars"), plain)
        layers = sum("lora_A" in name for name in theirs.state_dict())
        assert len(adapted_layers(model.backbone)) == layers
        assert model.config.adapters["mood"]["dropout"] == options.get("lora_dropout", 0.0)

    def test_a_model_that_read_one_saves_it(self, tmp_path):
        theirs, model = peft_model(use_rslora=True), toy_model()
        theirs.save_pretrained(tmp_path / "theirs")
        read_peft_adapter(model, "mood", tmp_path / "theirs")
        model.save_pretrained(tmp_path / "ours")
        close(
            own_vectors(HybridMTLModel.from_pretrained(tmp_path / "ours"), "mood"), vectors(theirs)
        )
        write_peft_adapters(model, tmp_path)
        back = PeftModel.from_pretrained(plain_encoder(model), tmp_path / "adapters" / "mood")
        close(vectors(back), vectors(theirs))

    @pytest.mark.parametrize(
        "options, message",
        [
            ({"bias": "all"}, "bias = 'all' is not supported"),
            ({"use_dora": True}, "use_dora = True is not supported"),
            ({"rank_pattern": {"query": 4}}, "rank_pattern = .* is not supported"),
            ({"alpha_pattern": {"query": 4}}, "alpha_pattern = .* is not supported"),
            ({"modules_to_save": ["embeddings"]}, "modules_to_save = .* is not supported"),
            ({"init_lora_weights": "pissa"}, "init_lora_weights = 'pissa' is not supported"),
        ],
    )
    def test_what_cannot_be_kept_is_refused(self, options, message, tmp_path):
        model = toy_model()
        peft_model(**options).save_pretrained(tmp_path)
        with pytest.raises(InputError, match=message):
            read_peft_adapter(model, "mood", tmp_path)
        assert model.config.adapters == {}

    def test_another_kind_of_adapter_is_refused(self, tmp_path):
        config = IA3Config(target_modules=["key"], feedforward_modules=[])
        get_peft_model(plain_encoder(toy_model()), config).save_pretrained(tmp_path)
        with pytest.raises(InputError, match="unsupported peft type IA3, expected LORA"):
            read_peft_adapter(toy_model(), "mood", tmp_path)

    def test_one_of_another_encoder_is_refused(self, tmp_path):
        peft_model().save_pretrained(tmp_path)
        with pytest.raises(InputError, match="matches no layer of the encoder"):
            read_peft_adapter(toy_model("distilbert"), "mood", tmp_path)

    def test_matrices_that_do_not_fit_are_refused(self, tmp_path):
        peft_model().save_pretrained(tmp_path)
        weights = load_file(tmp_path / "adapter_model.safetensors")
        key = next(iter(weights))
        save_file({**weights, key: torch.zeros(3, 3)}, tmp_path / "adapter_model.safetensors")
        model = toy_model()
        with pytest.raises(InputError, match="does not match the layers"):
            read_peft_adapter(model, "mood", tmp_path)
        assert model.config.adapters == {} and not adapted_layers(model.backbone)

    @pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
    def test_a_folder_without_one_is_refused(self, missing, tmp_path):
        peft_model().save_pretrained(tmp_path)
        (tmp_path / missing).unlink()
        with pytest.raises(InputError, match=f"is not a peft adapter: there is no {missing}"):
            read_peft_adapter(toy_model(), "mood", tmp_path)

    def test_a_damaged_one_is_refused(self, tmp_path):
        peft_model().save_pretrained(tmp_path)
        (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LOREM"}))
        with pytest.raises(InputError, match="the adapter cannot be loaded"):
            read_peft_adapter(toy_model(), "mood", tmp_path)

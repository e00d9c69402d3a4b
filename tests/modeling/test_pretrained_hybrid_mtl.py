"""Models from an encoder, and loaded from a folder."""

import shutil

import pytest
import torch
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    set_seed,
)

from modeling_hybrid_mtl import (
    HybridMTLConfig,
    HybridMTLModel,
    unpadding_hybrid_mtl,
)
from modeling_hybrid_mtl.pretrained_hybrid_mtl import set_encoder_dropout
from tests.modeling.toy_models import (
    BACKBONES,
    TASKS,
    VOCABULARY_SIZE,
    inputs_for,
    labels_for,
    toy_backbone_config,
    toy_model,
    without_dropout,
)

every_backbone = pytest.mark.parametrize("kind", BACKBONES)
MOOD = {"mood": TASKS["mood"]}


@pytest.fixture(scope="module", params=BACKBONES)
def model(request) -> HybridMTLModel:
    """One model of each backbone; the tests that take it leave it as it is."""
    return toy_model(request.param)


def encoder_dropouts(model: HybridMTLModel) -> list[float]:
    return [m.p for m in model.backbone.modules() if isinstance(m, nn.Dropout)]


class TestFromBackbone:
    @pytest.mark.parametrize(
        "auto", [AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification]
    )
    @every_backbone
    def test_the_encoders_weights_are_loaded(self, kind, auto, tmp_path):
        # Pretrained encoders on the Hub are mostly saved with a language model head on top, under
        # names such as `bert.` and `roberta.`.
        encoder = auto.from_config(toy_backbone_config(kind))
        encoder.save_pretrained(tmp_path / "encoder")
        model = HybridMTLModel.from_backbone(tmp_path / "encoder", TASKS)
        expected = (encoder if auto is AutoModel else encoder.base_model).state_dict()
        loaded = model.backbone.state_dict()
        assert loaded.keys() == {name for name in expected if "pooler" not in name}
        for name, value in loaded.items():
            assert torch.equal(value, expected[name]), name
        model.save_pretrained(tmp_path / "model")
        again = HybridMTLModel.from_pretrained(tmp_path / "model").state_dict()
        assert again.keys() == model.state_dict().keys()
        for name, value in model.state_dict().items():
            assert torch.equal(value, again[name]), name

    @pytest.mark.parametrize("kind", ["bert", "roberta"])
    def test_a_pooler_in_use_is_loaded(self, kind, tmp_path):
        encoder = AutoModel.from_config(toy_backbone_config(kind))
        encoder.save_pretrained(tmp_path)
        model = HybridMTLModel.from_backbone(tmp_path, MOOD, pooling="pooler")
        assert torch.equal(model.backbone.pooler.dense.weight, encoder.pooler.dense.weight)

    @every_backbone
    def test_heads_start_from_the_backbones_initializer_range(self, kind, tmp_path):
        config = toy_backbone_config(kind, initializer_range=0.3)
        AutoModel.from_config(config).save_pretrained(tmp_path)
        wide = {"mood": {"kind": "classification", "labels": ["a", "b"], "hidden_sizes": [256]}}
        fresh = HybridMTLModel(HybridMTLConfig(config, wide))
        for model in (HybridMTLModel.from_backbone(tmp_path, wide), fresh):
            linear = next(m for m in model.heads.modules() if isinstance(m, nn.Linear))
            assert linear.weight.std().item() == pytest.approx(0.3, rel=0.1)
            assert linear.weight.mean().item() == pytest.approx(0, abs=0.03)
            assert (linear.bias == 0).all()

    @every_backbone
    def test_the_backbones_dropout_is_set_everywhere(self, kind, tmp_path):
        AutoModel.from_config(toy_backbone_config(kind)).save_pretrained(tmp_path)
        model = HybridMTLModel.from_backbone(tmp_path, MOOD, backbone_dropout=0.37)
        assert set(encoder_dropouts(model)) == {0.37}
        inputs = inputs_for("mood")
        assert not torch.equal(model.train()(**inputs)[0], model(**inputs)[0])
        still = HybridMTLModel.from_backbone(tmp_path, MOOD, backbone_dropout=0.0)
        assert torch.equal(still.train()(**inputs)[0], still.eval()(**inputs)[0])

    def test_dropout_left_out_keeps_the_encoders_own(self, tmp_path):
        config = toy_backbone_config(hidden_dropout_prob=0.21, attention_probs_dropout_prob=0.21)
        AutoModel.from_config(config).save_pretrained(tmp_path)
        assert set(encoder_dropouts(HybridMTLModel.from_backbone(tmp_path, MOOD))) == {0.21}

    def test_options_reach_the_configuration(self, tmp_path):
        AutoModel.from_config(toy_backbone_config()).save_pretrained(tmp_path)
        model = HybridMTLModel.from_backbone(
            tmp_path,
            MOOD,
            pooling="cls",
            pooled_dropout=0.3,
            attn_implementation="eager",
            dtype=torch.bfloat16,
            local_files_only=True,
        )
        assert (model.config.pooling, model.config.pooled_dropout) == ("cls", 0.3)
        assert model.backbone.config._attn_implementation == "eager"
        assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
        assert model.name_or_path == model.config.name_or_path == str(tmp_path)

    def test_a_wrong_task_is_refused(self, tmp_path):
        AutoModel.from_config(toy_backbone_config()).save_pretrained(tmp_path)
        with pytest.raises(ValueError, match="'mood'.*'labels'"):
            HybridMTLModel.from_backbone(tmp_path, {"mood": {"kind": "classification"}})

    def test_an_encoder_without_dropout_is_refused(self):
        with pytest.raises(ValueError, match="no dropout"):
            set_encoder_dropout(PretrainedConfig(), 0.1)


class TestLoading:
    @pytest.fixture(scope="class")
    def saved(self, model, tmp_path_factory):
        model.save_pretrained(folder := tmp_path_factory.mktemp("saved"))
        return folder

    @pytest.fixture
    def folder(self, saved, tmp_path):
        """A copy, which a test may change."""
        return shutil.copytree(saved, tmp_path / "model")

    @staticmethod
    def logits(model: HybridMTLModel) -> dict[str, torch.Tensor]:
        return {task: model(**inputs_for(task), task=task).logits for task in TASKS}

    @pytest.mark.parametrize("attention", ["eager", "sdpa"])
    def test_the_attention_implementation_reaches_the_backbone(self, model, folder, attention):
        loaded = HybridMTLModel.from_pretrained(folder, attn_implementation=attention)
        unpads = attention == "sdpa"
        found = loaded.backbone.config._attn_implementation
        assert found == (unpadding_hybrid_mtl.ATTENTION if unpads else attention)
        assert loaded.config._attn_implementation == attention
        ours, theirs = self.logits(loaded), self.logits(model)
        tags = inputs_for("tags")["attention_mask"].bool()  # what stands for padding is no answer
        for logits in (ours, theirs):
            logits["tags"] = logits["tags"][tags]
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)

    def test_bfloat16_loads_and_runs(self, model, folder):
        loaded = HybridMTLModel.from_pretrained(folder, dtype=torch.bfloat16)
        assert {p.dtype for p in loaded.parameters()} == {torch.bfloat16}
        for task in TASKS:
            output = loaded(**inputs_for(task), task=task, labels=labels_for(task))
            assert output.loss.isfinite()
        embeddings = loaded(**inputs_for("mood")).embeddings
        assert embeddings.dtype == torch.bfloat16
        reference = model(**inputs_for("mood")).embeddings
        assert torch.cosine_similarity(embeddings.float(), reference).min() > 0.99

    def test_a_saved_bfloat16_model_stays_so(self, model, tmp_path):
        HybridMTLModel(model.config).bfloat16().save_pretrained(tmp_path)
        loaded = AutoModel.from_pretrained(tmp_path)
        assert {p.dtype for p in loaded.parameters()} == {torch.bfloat16}

    @pytest.mark.parametrize("device_map", ["cpu", "auto", {"": "cpu"}])
    def test_a_device_map_gives_equal_logits(self, folder, device_map):
        if device_map == "auto" and torch.cuda.is_available():
            pytest.skip("'auto' chooses another device here")
        loaded = HybridMTLModel.from_pretrained(folder, device_map=device_map)
        assert {p.device.type for p in loaded.parameters()} == {"cpu"}
        # Loaded as well: weights in a mapped file lie at other addresses, and so round otherwise.
        expected = self.logits(HybridMTLModel.from_pretrained(folder))
        for task, logits in self.logits(loaded).items():
            assert torch.equal(logits, expected[task])

    def test_a_loaded_model_is_in_evaluation_mode(self, folder):
        assert not HybridMTLModel.from_pretrained(folder).training

    def test_a_resized_vocabulary_is_saved_and_loaded(self, tmp_path):
        model = toy_model("bert").eval()
        model.resize_token_embeddings(VOCABULARY_SIZE + 7)
        assert model.config.backbone_config.vocab_size == VOCABULARY_SIZE + 7
        model.save_pretrained(tmp_path)
        again = HybridMTLModel.from_pretrained(tmp_path)
        ids = torch.tensor([[0, VOCABULARY_SIZE + 6, 2]])
        torch.testing.assert_close(again(ids, task="mood").logits, model(ids, task="mood").logits)

    @every_backbone
    def test_gradient_checkpointing_changes_no_gradient(self, kind):
        gradients = []
        for checkpointing in (False, True):
            backbone = toy_backbone_config(kind)
            set_encoder_dropout(backbone, 0.0)
            set_seed(0)
            model = HybridMTLModel(HybridMTLConfig(backbone, without_dropout(TASKS))).train()
            if checkpointing:
                model.activation_checkpointing_enable()
                assert model.backbone.is_activation_checkpointing
            model(**inputs_for("same"), task="same", labels=labels_for("same")).loss.backward()
            gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
        plain, checkpointed = gradients
        assert any(name.startswith("backbone.") for name in plain)
        torch.testing.assert_close(checkpointed, plain)

"""Layers between pooling and heads that all tasks share."""

import pytest
import torch
from torch.nn import functional

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from tests.modeling.toy_models import (
    TASKS,
    inputs_for,
    toy_backbone_config,
    toy_model,
    toy_tokenizer,
)

MOOD = {"mood": TASKS["mood"]}
TOPIC = {"topic": {"kind": "classification", "labels": ["a", "b"]}}
SHARED = {"shared_hidden_sizes": [12, 6], "shared_activation": "tanh"}


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_the_sentence_vector_is_their_output_and_the_heads_input(pooling):
    model = toy_model(pooling=pooling, **SHARED)
    inputs = inputs_for("mood")
    plain = model(**inputs)
    hidden = plain.last_hidden_state
    pooled = model.backbone.pooler(hidden) if pooling == "pooler" else None
    if pooled is None:
        mask = inputs["attention_mask"][..., None]
        pooled = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
    first, second = (model.shared_layers[i] for i in (1, 4))
    expected = second(first(pooled).tanh()).tanh()
    torch.testing.assert_close(plain.embeddings, expected)
    torch.testing.assert_close(model(**inputs, task="mood").logits, model.heads["mood"](expected))
    assert model.config.sentence_vector_size == 6 and model.config.hidden_size == 16


def test_a_similarity_is_the_cosine_of_the_sentence_vectors():
    model = toy_model(**SHARED)
    output = model(**inputs_for("near"), task="near")
    cosine = functional.cosine_similarity(*output.embeddings.unbind(dim=1))
    torch.testing.assert_close(output.logits, 5 * cosine)


def test_heads_of_tokens_keep_the_width_of_the_encoder():
    model = toy_model(**SHARED)
    assert model.heads["tags"].layers[-1].in_features == 16
    assert model(**inputs_for("tags"), task="tags").logits.shape == (3, 7, 3)


def test_encode_returns_vectors_of_their_width(tmp_path):
    model = toy_model(**SHARED)
    model.tokenizer = toy_tokenizer()
    assert model.encode(["the film was good", "dull"]).shape == (2, 6)


def test_dropout_acts_in_training_only():
    model = toy_model(tasks=MOOD, shared_hidden_sizes=[8], shared_dropout=0.9)
    inputs = inputs_for("mood")
    torch.testing.assert_close(model(**inputs).embeddings, model(**inputs).embeddings)
    model.train()
    assert not torch.equal(model(**inputs).embeddings, model(**inputs).embeddings)


def test_they_are_saved_and_go_with_the_encoder_to_other_tasks(tmp_path):
    model = toy_model(tasks=MOOD, **SHARED)
    model.save_pretrained(tmp_path)
    other = HybridMTLModel.from_backbone(tmp_path, {**MOOD, **TOPIC}, shared_dropout=0.4)
    inputs = inputs_for("mood")
    torch.testing.assert_close(
        other.eval()(**inputs, task="mood").logits, model(**inputs, task="mood").logits
    )
    assert other.config.shared_hidden_sizes == [12, 6] and other.config.shared_dropout == 0.4
    assert other.heads["topic"].layers[-1].in_features == 6


def test_new_ones_are_put_on_an_encoder(tmp_path):
    toy_model(tasks={}).backbone.save_pretrained(tmp_path)
    model = HybridMTLModel.from_backbone(tmp_path, MOOD, shared_hidden_sizes=[8])
    (linear,) = [layer for layer in model.shared_layers if hasattr(layer, "weight")]
    assert linear.weight.std().item() == pytest.approx(0.2, rel=0.3)
    assert linear.bias.tolist() == [0] * 8


@pytest.mark.parametrize("changed", [{"shared_hidden_sizes": [8]}, {"shared_activation": "relu"}])
def test_others_than_the_trained_ones_are_refused(tmp_path, changed):
    toy_model(tasks=MOOD, **SHARED).save_pretrained(tmp_path)
    (name,) = changed
    with pytest.raises(ValueError, match=f"{name} = .*: the model was trained with "):
        HybridMTLModel.from_backbone(tmp_path, TOPIC, **changed)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("shared_hidden_sizes", [0]),
        ("shared_hidden_sizes", 8),
        ("shared_activation", "sine"),
        ("shared_dropout", 1.0),
    ],
)
def test_an_invalid_option_is_refused(option, value):
    with pytest.raises(ValueError, match=f"{option} = "):
        HybridMTLConfig(toy_backbone_config(), MOOD, **{option: value})

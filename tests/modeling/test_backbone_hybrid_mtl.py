"""The pooler of an encoder: used, or not there."""

import pytest
import torch

from modeling_hybrid_mtl import (
    HybridMTLModel,
)
from tests.modeling.toy_models import (
    BACKBONES,
    inputs_for,
    labels_for,
    toy_model,
)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_the_pooler_is_the_backbones_own(kind):
    model = toy_model(kind, pooling="pooler")
    output = model(**inputs_for("mood"), task="mood", labels=labels_for("mood"))
    pooler = model.backbone.pooler
    torch.testing.assert_close(
        output.embeddings, torch.tanh(pooler.dense(output.last_hidden_state[:, 0]))
    )
    output.loss.backward()
    assert pooler.dense.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["distilbert", "modernbert"])
def test_a_backbone_without_a_pooler_is_refused(kind):
    with pytest.raises(ValueError, match=f"pooler.*{kind}.*'mean' or 'cls'"):
        toy_model(kind, pooling="pooler")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("kind", BACKBONES)
def test_an_unused_pooler_has_no_parameters(kind, pooling, tmp_path):
    model = toy_model(kind, pooling=pooling)
    model.save_pretrained(tmp_path)
    for candidate in (model, HybridMTLModel.from_pretrained(tmp_path)):
        assert not [n for n, _ in candidate.named_parameters() if "pooler" in n]

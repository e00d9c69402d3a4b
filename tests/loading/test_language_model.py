"""A masked language model of a model's encoder."""

import logging
from types import SimpleNamespace

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    BertForMaskedLM,
    BertModel,
)

from tests.toys import toy_backbone_config, toy_model
from trainer.loading.language_model import language_model
from trainer.training.masked_lm import masked_loss


def weights(module):
    return {name: p.detach().clone() for name, p in module.state_dict().items()}


def changed(module, before):
    return {n for n, p in module.state_dict().items() if not torch.equal(p, before[n])}


def test_the_language_model_shares_the_encoder(caplog):
    backbone = toy_model().backbone
    mlm = language_model(backbone, None)
    assert mlm.bert is backbone
    assert mlm.cls.predictions.decoder.weight is backbone.embeddings.word_embeddings.weight
    assert "'bert' has no language-model head; a new one is trained" in caplog.text


@pytest.mark.parametrize("kind", ["distilbert", "roberta", "modernbert", "electra"])
def test_other_encoders_are_shared_too(kind):
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "distilbert":
        sizes = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    fields = {**sizes, "vocab_size": 50, "intermediate_size": 32, "embedding_size": 16}
    encoder = AutoModel.from_config(AutoConfig.for_model(kind, **fields, pad_token_id=0))
    mlm = language_model(encoder, None)
    ids = torch.tensor([[2, 9, 8, 3]])
    logits = mlm(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    masked_loss(SimpleNamespace(logits=logits), ids).backward()
    assert mlm.get_output_embeddings().weight is encoder.get_input_embeddings().weight
    names = {n for n, p in encoder.named_parameters() if p.grad is None}
    assert not {name for name in names if "pooler" not in name}


def test_the_head_comes_from_a_checkpoint_that_has_one(tmp_path, caplog):
    original = BertForMaskedLM(toy_backbone_config())
    torch.nn.init.normal_(original.cls.predictions.bias)
    original.save_pretrained(tmp_path)
    backbone = toy_model(seed=4).backbone
    encoder = weights(backbone)
    with caplog.at_level(logging.WARNING, logger="trainer.loading.language_model"):
        mlm = language_model(backbone, str(tmp_path))
    assert "language-model head" not in caplog.text
    assert mlm.bert is backbone and not changed(backbone, encoder)
    for name in ("bias", "transform.dense.weight", "decoder.bias"):
        name = f"cls.predictions.{name}"
        assert torch.equal(mlm.state_dict()[name], original.state_dict()[name]), name
    assert mlm.cls.predictions.decoder.weight is backbone.embeddings.word_embeddings.weight


def test_an_encoder_without_a_head_gets_a_new_one(tmp_path, caplog):
    BertModel(toy_backbone_config()).save_pretrained(tmp_path)
    language_model(toy_model().backbone, str(tmp_path))
    assert f"'{tmp_path}' has no language-model head; a new one is trained" in caplog.text

"""Attention in blocks of texts, each padded."""

import pytest
import torch

from modeling_hybrid_mtl import attention_hybrid_mtl
from modeling_hybrid_mtl.attention_hybrid_mtl import Block, Blocks, group_by_call
from tests.modeling.toy_models import (
    LENGTHS,
    row_of_texts,
    toy_batch,
    toy_model,
)


@pytest.mark.parametrize("window", [None, 2, 40])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_blocks_agree_with_each_text_alone(window, scale):
    lengths = [1, 2, 9, 12, 12]
    options = {"scale": scale, "window": window}
    together = Blocks(lengths).attend(*row_of_texts(lengths), **options)
    parts = zip(*(x.split(lengths) for x in row_of_texts(lengths)), strict=True)
    for found, length, own in zip(together.split(lengths), lengths, parts, strict=True):
        query, key, value = (x.transpose(0, 1) for x in own)
        places = torch.arange(length)
        far = (places[:, None] - places).abs() > (length if window is None else window)
        scores = query @ key.mT * (8**-0.5 if scale is None else scale)
        wanted = scores.masked_fill(far, -torch.inf).softmax(-1) @ value
        torch.testing.assert_close(found.transpose(0, 1), wanted)


def test_the_fused_attention_of_a_block_is_the_plain_one():
    query, key, value = (x.transpose(0, 1)[None] for x in row_of_texts([7]))
    mask = torch.ones(7, 7).tril().bool()
    plain = attention_hybrid_mtl._attend(query, key, value, mask, 0.0, 0.4)
    fused = attention_hybrid_mtl._attend_fused(query, key, value, mask, 0.0, 0.4)
    torch.testing.assert_close(fused, plain)


def test_a_call_of_attention_holds_few_scores():
    calls = group_by_call([3] * 20 + [60, 100, 100, 100, 100, 100, 300])
    assert [Block(lengths).shape for lengths in calls] == [
        (16, 8),
        (6, 104),
        (4, 104),
        (1, 304),
    ]


def test_attention_with_dropout_is_attention_but_for_what_is_dropped(monkeypatch):
    model, batch = toy_model(), toy_batch(LENGTHS)
    calm = model(**batch).last_hidden_state
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for layer in model.backbone.encoder.layer:
        layer.attention.self.dropout.p = 0.25
    seen = []

    def all_kept(probabilities, p):
        seen.append(p)
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(probabilities.shape[:-1]))
        return probabilities

    monkeypatch.setattr(attention_hybrid_mtl, "drop", all_kept)
    found = model.train()(**batch).last_hidden_state
    torch.testing.assert_close(found, calm, rtol=1e-4, atol=1e-5)
    assert seen == [0.25] * 4

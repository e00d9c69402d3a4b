"""Tokens are counted where an encoder reads them, positions where it computes them."""

import torch
from torch import nn

from benchmarks.peers.tokens import TokenCounter
from tests.modeling.toy_models import toy_batch, toy_model

PAD = 0


class Encoder(nn.Module):
    """Reads ids (B, L); may leave the padding out before its layer."""

    def __init__(self, unpads: bool):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.layer = nn.Linear(4, 4)
        self.unpads = unpads

    def forward(self, ids):
        vectors = self.embedding(ids)
        return self.layer(vectors[ids != PAD] if self.unpads else vectors)


IDS = torch.tensor([[1, 2, 3, PAD], [4, PAD, PAD, PAD]])


def test_padding_is_computed_but_no_token():
    encoder = Encoder(unpads=False)
    counter = TokenCounter([encoder], PAD)
    encoder(IDS)
    encoder(IDS[:1, :3])
    assert counter.take() == {"tokens": 7, "positions": 11, "passes": [4, 3]}
    assert counter.take() == {"tokens": 0, "positions": 0, "passes": []}


def test_padding_that_is_left_out_is_not_computed():
    encoder = Encoder(unpads=True)
    counter = TokenCounter([encoder], PAD)
    encoder(IDS)
    assert counter.take() == {"tokens": 4, "positions": 4, "passes": [4]}


def test_several_encoders_are_counted_together():
    encoders = [Encoder(unpads=False), Encoder(unpads=False)]
    counter = TokenCounter(encoders, PAD)
    for encoder in encoders:
        encoder(IDS)
    assert counter.take()["passes"] == [4, 4]


def test_what_our_encoder_adds_to_a_row_is_no_token():
    model, batch = toy_model(), toy_batch([5, 3, 2])
    counter = TokenCounter([model.backbone], model.config.backbone_config.pad_token_id)
    model(**batch)
    assert counter.take() == {"tokens": 10, "positions": 16, "passes": [10]}

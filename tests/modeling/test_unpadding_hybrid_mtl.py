import pytest
import torch
from transformers import AutoModel

from modeling_hybrid_mtl.attention_hybrid_mtl import TEXTS_PER_CALL
from modeling_hybrid_mtl.unpadding_hybrid_mtl import (
    ATTENTION,
    FAMILIES,
    Unpadding,
    _bucket_size,
    can_unpad,
    enable_unpadding,
    encode_unpadded,
)
from tests.modeling.toy_models import (
    LENGTHS,
    counted_calls,
    encoder_of,
    toy_backbone_config,
    toy_batch,
    toy_model,
)

close = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.parametrize("kind", FAMILIES)
class TestEncoders:
    def test_tokens_get_the_vectors_of_a_padded_pass(self, kind):
        encoder, batch = encoder_of(kind), toy_batch(LENGTHS)
        padded = encoder(**batch).last_hidden_state
        enable_unpadding(encoder)
        unpadded = encode_unpadded(encoder, batch["attention_mask"], input_ids=batch["input_ids"])
        mask = batch["attention_mask"].bool()
        torch.testing.assert_close(unpadded[mask], padded[mask], **close)
        assert (unpadded[~mask] == 0).all()

    def test_weights_get_the_gradients_of_a_padded_pass(self, kind):
        encoder, batch = encoder_of(kind), toy_batch(LENGTHS)
        weights = [p for name, p in encoder.named_parameters() if "pooler" not in name]
        mask = batch["attention_mask"].bool()
        direction = torch.randn(*mask.shape, 16, generator=torch.Generator().manual_seed(1))[mask]
        padded = (encoder(**batch).last_hidden_state[mask] * direction).sum()
        wanted = torch.autograd.grad(padded, weights, allow_unused=True)
        enable_unpadding(encoder)
        unpadded = encode_unpadded(encoder, batch["attention_mask"], input_ids=batch["input_ids"])
        found = torch.autograd.grad((unpadded[mask] * direction).sum(), weights, allow_unused=True)
        reached = [(f, w) for f, w in zip(found, wanted, strict=True) if w is not None]
        assert len(reached) >= 14
        for ours, theirs in reached:
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)

    def test_a_padded_pass_stays_what_it_was(self, kind):
        encoder, batch = encoder_of(kind), toy_batch(LENGTHS)
        before = encoder(**batch).last_hidden_state
        enable_unpadding(encoder)
        assert torch.equal(encoder(**batch).last_hidden_state, before)


def test_tokens_see_no_further_than_their_window():
    encoder, batch = encoder_of("modernbert", local_attention=6), toy_batch(LENGTHS)
    padded = encoder(**batch).last_hidden_state
    enable_unpadding(encoder)
    unpadded = encode_unpadded(encoder, batch["attention_mask"], input_ids=batch["input_ids"])
    mask = batch["attention_mask"].bool()
    torch.testing.assert_close(unpadded[mask], padded[mask], **close)
    wide = encoder_of("modernbert")(**batch).last_hidden_state
    assert not torch.allclose(unpadded[mask], wide[mask], atol=1e-2)


class TestUnpadding:
    def test_only_the_tokens_are(self):
        model, batch = toy_model(), toy_batch(LENGTHS)
        with counted_calls(model) as calls:
            model(**batch)
        # One row, and so many more that its size comes up often.
        assert calls == [(1, 16 * -(-sum(LENGTHS) // 16))]

    def test_texts_of_like_length_share_a_call_of_attention(self):
        unpadding = Unpadding.from_mask(toy_batch(LENGTHS)["attention_mask"])
        assert [block.tokens for block in unpadding.attention.blocks] == [
            sum(sorted(LENGTHS)[:TEXTS_PER_CALL]),
            sum(sorted(LENGTHS)[TEXTS_PER_CALL:]),
        ]

    def test_pad_inverts_unpad(self):
        batch = toy_batch(LENGTHS)
        unpadding = Unpadding.from_mask(batch["attention_mask"])
        row = unpadding.unpad(batch["input_ids"])
        back = unpadding.pad(row.unsqueeze(-1)).squeeze(-1)
        assert torch.equal(back, batch["input_ids"] * batch["attention_mask"])

    def test_a_row_without_any_token_is_zero(self):
        encoder, batch = encoder_of("bert"), toy_batch([3, 5, 2])
        batch["attention_mask"][1] = 0
        enable_unpadding(encoder)
        found = encode_unpadded(encoder, batch["attention_mask"], input_ids=batch["input_ids"])
        assert (found[1] == 0).all() and torch.isfinite(found).all()

    def test_padding_on_the_left_is_left_out_too(self):
        model, batch = toy_model(), toy_batch([4, 6])
        flipped = {name: table.flip(1) for name, table in batch.items()}
        unpadded = model(**flipped).last_hidden_state
        model.unpadding = False
        padded = model(**flipped).last_hidden_state
        mask = flipped["attention_mask"].bool()
        torch.testing.assert_close(unpadded[mask], padded[mask], **close)

    def test_an_id_of_padding_inside_a_text_is_counted_as_the_encoder_does(self):
        model, batch = toy_model("roberta"), toy_batch([4, 6])
        batch["input_ids"][1, 2] = model.config.backbone_config.pad_token_id
        unpadded = model(**batch).last_hidden_state
        model.unpadding = False
        mask = batch["attention_mask"].bool()
        torch.testing.assert_close(unpadded[mask], model(**batch).last_hidden_state[mask], **close)

    def test_dropout_applies_to_unpadded_attention(self):
        model, batch = toy_model(), toy_batch(LENGTHS)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        model.train()
        calm = model(**batch).embeddings
        model.backbone.encoder.layer[0].attention.self.dropout.p = 0.5
        assert not torch.allclose(model(**batch).embeddings, calm)


class TestWhichEncodersUnpad:
    def test_an_attention_that_was_chosen_is_kept(self):
        config = toy_backbone_config("bert")
        encoder = AutoModel.from_config(config, attn_implementation="eager")
        enable_unpadding(encoder)
        assert encoder.config._attn_implementation == "eager"
        assert not can_unpad(encoder)

    def test_other_encoders_read_padded_batches(self):
        model, batch = toy_model("albert"), toy_batch([5, 3])
        with counted_calls(model) as calls:
            model(**batch)
        assert calls == [(2, 5)]

    def test_a_pooler_finds_its_column(self):
        model, batch = toy_model(pooling="pooler"), toy_batch([5, 3])
        with counted_calls(model) as calls:
            model(**batch)
        assert calls == [(2, 5)]

    def test_the_configuration_says_nothing_of_it(self, tmp_path):
        model = toy_model()
        assert model.backbone.config._attn_implementation == ATTENTION
        model.save_pretrained(tmp_path)
        assert ATTENTION not in (tmp_path / "config.json").read_text()


class TestSizes:
    """oneDNN keeps a program for every size that it meets."""

    def test_few_rows_are_added_and_few_sizes_come_up(self):
        sizes = {tokens: _bucket_size(tokens) for tokens in range(1, 4097)}
        for tokens, size in sizes.items():
            assert tokens <= size < tokens + max(16, tokens / 15)
        assert len(set(sizes.values())) < 100

    def test_the_rows_that_were_added_are_not_read(self):
        encoder, batch = encoder_of("bert"), toy_batch([5, 3])
        enable_unpadding(encoder)
        tables = {"input_ids": batch["input_ids"]}
        wanted = encode_unpadded(encoder, batch["attention_mask"], **tables)

        def spoil(module, arguments, output):
            output.data[:, 8:] = float("nan")

        encoder.embeddings.register_forward_hook(spoil)
        assert torch.equal(encode_unpadded(encoder, batch["attention_mask"], **tables), wanted)

"""Checks that an encoder has embeddings for the outputs of a tokenizer."""

from typing import Any

import torch
from torch import Tensor

from .texts_hybrid_mtl import max_positions

TOKENIZER_HINT = "use the tokenizer that the encoder was trained with"


def check_tokenizer(tokenizer: Any, encoder: Any, cross: bool) -> None:
    """Check that an encoder has embeddings for all token ids and types of a tokenizer.

    Args:
        tokenizer: the tokenizer.
        encoder: the encoder's configuration.
        cross: whether the two texts of a pair form one sequence.

    Raises:
        ValueError: if ids or types exceed the embeddings, with a remedy.
    """
    _check_tokens(max(tokenizer.get_vocab().values(), default=0), encoder)
    types = tokenizer(*("a", "a")[: 1 + cross]).get("token_type_ids", [0])
    _check_types(max(types), encoder, cross)


def check_ids(model: Any, input_ids: Tensor, token_type_ids: Tensor | None = None) -> None:
    """Check that a model's encoder has embeddings for a batch. Synchronizes with the ids' device.

    Args:
        model: a `HybridMTLModel`.
        input_ids: token ids, (B, L).
        token_type_ids: (B, L).

    Raises:
        ValueError: if ids or types exceed the embeddings, with a remedy.
    """
    encoder = model.config.backbone_config
    if not input_ids.numel():
        return
    _check_tokens(int(input_ids.max()), encoder)
    if token_type_ids is not None:
        _check_types(int(token_type_ids.max()), encoder, cross=False)


def check_failed_batch(model: Any, input_ids: Tensor | None, token_type_ids: Tensor | None) -> None:
    """Raise a clear error if an encoder failed on inputs beyond its embeddings.

    Raises:
        ValueError: as `check_ids`, or if the texts are longer than the encoder's position
            embeddings.
    """
    # After a failure on an accelerator, its data cannot be read.
    if input_ids is None or input_ids.device.type != "cpu":
        return
    check_ids(model, input_ids, token_type_ids)
    limit = max_positions(model)
    if limit is not None and input_ids.shape[1] > limit:
        raise ValueError(
            f"texts of {input_ids.shape[1]} tokens exceed the encoder's maximum of {limit}: "
            f"truncate them in the tokenizer (truncation=True, max_length={limit})"
        )


def _check_tokens(highest: int, encoder: Any) -> None:
    rows = getattr(encoder, "vocab_size", None)
    if rows is not None and highest >= rows:
        raise ValueError(
            f"the tokenizer has token ids up to {highest}, but the {encoder.model_type} encoder "
            f"has embeddings for 0 to {rows - 1}: {TOKENIZER_HINT}, or, if tokens were added to "
            f"it, call model.resize_token_embeddings({highest + 1}) and save the encoder"
        )


def _check_types(highest: int, encoder: Any, cross: bool) -> None:
    types = getattr(encoder, "type_vocab_size", None)
    if types and highest >= types:  # 0 for encoders without such embeddings
        raise ValueError(
            f"the tokenizer has token types up to {highest}, but the {encoder.model_type} "
            f"encoder has embeddings for {types} (type_vocab_size): {TOKENIZER_HINT}"
            + (", or pair_encoding: siamese" if cross else "")
        )


@torch.no_grad()
def check_text_encoder(model: Any) -> None:
    """Check that a model's encoder can encode a batch of token ids.

    Args:
        model: a `HybridMTLModel` with its weights, in evaluation mode.

    Raises:
        ValueError: if the encoder fails, with its type and the reason.
    """
    if model.device.type == "meta":
        return
    try:
        ids = torch.ones(1, 8, dtype=torch.long, device=model.device)
        _, hidden = model.encode_tokens(ids, torch.ones_like(ids))
        if hidden.shape[1] != ids.shape[1]:
            raise ValueError("its output has fewer vectors than there are tokens")
    except Exception as error:  # encoders raise various types
        kind = model.config.backbone_config.model_type
        raise ValueError(
            f"a {kind} encoder cannot encode plain text ({error}); use a text encoder such as BERT"
        ) from error

"""Whether an encoder can read what a tokenizer makes of texts."""

from typing import Any

import torch
from torch import Tensor

from .texts_hybrid_mtl import most_positions

TAKE_ITS_OWN = "take the tokenizer that the encoder was trained with"


def check_fit(tokenizer: Any, encoder: Any, cross: bool) -> None:
    """Make sure that an encoder has an embedding for all that a tokenizer gives.

    Args:
        tokenizer: of the texts.
        encoder: the encoder's configuration.
        cross: whether the two texts of a pair are read in one sequence.

    Raises:
        ValueError: saying what goes beyond the encoder, and what to do.
    """
    _check_tokens(max(tokenizer.get_vocab().values(), default=0), encoder)
    given = tokenizer(*("a", "a")[: 1 + cross]).get("token_type_ids", [0])
    _check_types(max(given), encoder, cross)


def check_ids(model: Any, input_ids: Tensor, token_type_ids: Tensor | None = None) -> None:
    """Make sure that a model's encoder has an embedding for all that it is given to read.

    Waits for the device if the ids are on one.

    Args:
        model: a `HybridMTLModel`.
        input_ids: token ids, (B, L).
        token_type_ids: (B, L).

    Raises:
        ValueError: saying what goes beyond the encoder, and what to do.
    """
    encoder = model.config.backbone_config
    if not input_ids.numel():
        return
    _check_tokens(int(input_ids.max()), encoder)
    if token_type_ids is not None:
        _check_types(int(token_type_ids.max()), encoder, cross=False)


def explain(model: Any, input_ids: Tensor | None, token_type_ids: Tensor | None) -> None:
    """Say what an encoder that failed was given to read beyond its embeddings, if that is it.

    Args:
        model: as for `check_ids`, and so the others.

    Raises:
        ValueError: as `check_ids` does, or if the texts are longer than the encoder reads.
    """
    # An accelerator that failed answers nothing more.
    if input_ids is None or input_ids.device.type != "cpu":
        return
    check_ids(model, input_ids, token_type_ids)
    most = most_positions(model)
    if most is not None and input_ids.shape[1] > most:
        raise ValueError(
            f"texts of {input_ids.shape[1]} tokens, and the encoder reads {most} at most: let the "
            f"tokenizer cut them off (truncation=True, max_length={most})"
        )


def _check_tokens(highest: int, encoder: Any) -> None:
    rows = getattr(encoder, "vocab_size", None)
    if rows is not None and highest >= rows:
        raise ValueError(
            f"the tokenizer has token ids up to {highest}, and the {encoder.model_type} encoder "
            f"embeddings for 0 to {rows - 1}: {TAKE_ITS_OWN}, or, if tokens were added to it, make "
            f"room with model.resize_token_embeddings({highest + 1}) and save the encoder"
        )


def _check_types(highest: int, encoder: Any, cross: bool) -> None:
    types = getattr(encoder, "type_vocab_size", None)
    if types and highest >= types:  # 0 of those that have no such embeddings
        raise ValueError(
            f"the tokenizer gives token types up to {highest}, and the {encoder.model_type} "
            f"encoder has embeddings for {types} (type_vocab_size): {TAKE_ITS_OWN}"
            + (", or pair_encoding: siamese" if cross else "")
        )


@torch.no_grad()
def check_reads(model: Any) -> None:
    """Make sure that a model's encoder answers to token ids alone.

    Args:
        model: a `HybridMTLModel` with its weights, in evaluation mode.

    Raises:
        ValueError: naming the kind of encoder and what it lacks.
    """
    if model.device.type == "meta":
        return
    try:
        ids = torch.ones(1, 8, dtype=torch.long, device=model.device)
        # Texts always come with their mask.
        _, hidden = model.encode_tokens(ids, torch.ones_like(ids))
        if hidden.shape[1] != ids.shape[1]:
            raise ValueError("it gives fewer vectors than there are tokens")
    except Exception as error:  # of whatever kind the encoder raises
        kind = model.config.backbone_config.model_type
        raise ValueError(
            f"a {kind} encoder cannot read texts alone ({error}); take a text encoder such as BERT"
        ) from error

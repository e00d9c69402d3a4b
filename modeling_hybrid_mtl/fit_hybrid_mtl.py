"""Whether an encoder can read what a tokenizer makes of texts."""

from typing import Any

import torch

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
    rows = getattr(encoder, "vocab_size", None)
    highest = max(tokenizer.get_vocab().values(), default=0)
    if rows is not None and highest >= rows:
        raise ValueError(
            f"the tokenizer has token ids up to {highest}, and the {encoder.model_type} encoder "
            f"embeddings for 0 to {rows - 1}: {TAKE_ITS_OWN}, or, if tokens were added to it, make "
            f"room with model.resize_token_embeddings({highest + 1}) and save the encoder"
        )
    types = getattr(encoder, "type_vocab_size", None)
    if not types:  # 0 of those that have no such embeddings
        return
    given = tokenizer(*("a", "a")[: 1 + cross]).get("token_type_ids", [0])
    if max(given) >= types:
        raise ValueError(
            f"the tokenizer gives token types up to {max(given)}, and the {encoder.model_type} "
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

"""Texts as callers give them, and padded batches of them, put together and told apart."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def pool(hidden: Tensor, attention_mask: Tensor | None, pooling: str) -> Tensor:
    """Sentence vectors (B, H) from token vectors (B, L, H) and a mask (B, L), by mean or cls."""
    if pooling == "cls":
        return hidden[:, 0]
    if attention_mask is None:
        return hidden.mean(dim=1)
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def stack_rows(tables: Sequence[Tensor], value: int) -> Tensor:
    """One batch (B1 + B2 + ..., L) of several (B1, L1), (B2, L2), ..., padded on the right."""
    length = max(table.shape[1] for table in tables)
    return torch.cat([functional.pad(x, (0, length - x.shape[1]), value=value) for x in tables])


# Token ids (B, L), attention mask and token types of some texts.
Encoded = tuple[Tensor, Tensor | None, Tensor | None]


def stack_texts(batches: Sequence[Encoded], padding: int) -> Encoded:
    """Several batches of texts as one, one after the other."""
    ids = [ids for ids, *_ in batches]
    place = next((mask.device for _, mask, _ in batches if mask is not None), ids[0].device)
    masks = [
        torch.ones_like(ids, device=place) if mask is None else mask for ids, mask, _ in batches
    ]
    typed = any(types is not None for *_, types in batches)
    # What encoders take for types that are not given.
    types = [torch.zeros_like(ids) if types is None else types for ids, _, types in batches]
    return stack_rows(ids, padding), stack_rows(masks, 0), stack_rows(types, 0) if typed else None


def sides(batch: dict[str, Tensor]) -> list[Encoded]:
    """The texts of a batch as `HybridMTLModel.forward` takes it: one side, or a pair's two."""
    return [
        (
            batch[f"{side}input_ids"],
            batch.get(f"{side}attention_mask"),
            batch.get(f"{side}token_type_ids"),
        )
        for side in ("", "pair_")
        if f"{side}input_ids" in batch
    ]


def is_many(inputs: Any) -> bool:
    """Whether this is a list, a column, an array, a series or the like, rather than one input."""
    one = (str, bytes, bytearray, Mapping, Set)
    return isinstance(inputs, Iterable) and not isinstance(inputs, one)


def plain(inputs: Any) -> Any:
    """Inputs as Python holds them: arrow's arrays as lists, an array of one value as the value.

    Raises:
        ValueError: if they are a table, which Python goes through by the names of its columns.
    """
    shape = getattr(inputs, "shape", None)
    if hasattr(inputs, "columns") and isinstance(shape, tuple) and len(shape) == 2:
        kind = type(inputs).__name__
        raise ValueError(f"a {kind} is no list of texts: give one of its columns, or its rows")
    if shape == ():
        return inputs.item()
    return inputs.to_pylist() if hasattr(inputs, "to_pylist") else inputs


def is_count(value: Any) -> bool:
    """Whether this is a positive whole number."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def wrong_text(value: Any) -> str | None:
    """What is wrong with a text, to be said behind its name; None if it can be read."""
    if not isinstance(value, str) or not value.strip():
        return f"must be a text that is not empty, got {value!r:.80}"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "holds half a character (a lone surrogate)"
    return None


def most_positions(model: Any) -> int | None:
    """How many tokens of a text a model's encoder can read, the special ones among them.

    Args:
        model: a `HybridMTLModel`, or one that has its configuration.

    Returns:
        The number; None if nothing sets a limit.
    """
    rows = getattr(model.config.backbone_config, "max_position_embeddings", None)
    if not rows or rows < 0:
        return None
    encoder = getattr(model, "backbone", None)
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    # RoBERTa counts positions from behind the padding's id.
    padding = getattr(table, "padding_idx", None)
    return rows if padding is None else rows - padding - 1

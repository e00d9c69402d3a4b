"""Helpers for texts and padded batches of texts."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def stack_rows(tables: Sequence[Tensor], value: int) -> Tensor:
    """Stack tables (B1, L1), (B2, L2), ... to (B1 + B2 + ..., L), padded on the right."""
    length = max(table.shape[1] for table in tables)
    return torch.cat([functional.pad(x, (0, length - x.shape[1]), value=value) for x in tables])


# Token ids (B, L), attention mask and token types.
Encoded = tuple[Tensor, Tensor | None, Tensor | None]


def stack_texts(batches: Sequence[Encoded], padding: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Concatenate several batches of texts."""
    ids = [ids for ids, *_ in batches]
    mask_device = next((mask.device for _, mask, _ in batches if mask is not None), ids[0].device)
    masks = [
        torch.ones_like(ids, device=mask_device) if mask is None else mask
        for ids, mask, _ in batches
    ]
    typed = any(types is not None for *_, types in batches)
    # The default of encoders.
    types = [torch.zeros_like(ids) if types is None else types for ids, _, types in batches]
    return stack_rows(ids, padding), stack_rows(masks, 0), stack_rows(types, 0) if typed else None


def sides(batch: dict[str, Tensor]) -> list[Encoded]:
    """Return the texts of a batch for `forward`: one side, or two of a siamese task."""
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
    """Return whether the input is a list, column, array, series or the like, not a single input."""
    single = (str, bytes, bytearray, Mapping, Set)
    return isinstance(inputs, Iterable) and not isinstance(inputs, single)


def to_python(inputs: Any) -> Any:
    """Convert arrow arrays to lists, and arrays of one value to the value.

    Raises:
        ValueError: if the input is a table, since iteration would yield its column names.
    """
    shape = getattr(inputs, "shape", None)
    if hasattr(inputs, "columns") and isinstance(shape, tuple) and len(shape) == 2:
        kind = type(inputs).__name__
        raise ValueError(f"a {kind} is not a list of texts: pass one of its columns, or its rows")
    if shape == ():
        return inputs.item()
    return inputs.to_pylist() if hasattr(inputs, "to_pylist") else inputs


def is_positive_int(value: Any) -> bool:
    """Return whether the value is a positive integer."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def text_error(value: Any) -> str | None:
    """Return why a text is invalid, as the end of a message; None if it is valid."""
    if not isinstance(value, str) or not value.strip():
        return f"must be a non-empty text, got {value!r:.80}"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "contains half a character (a lone surrogate)"
    return None


def max_positions(model: Any) -> int | None:
    """Return the maximum number of tokens of an encoder, with special tokens; None if unlimited.

    Args:
        model: a `HybridMTLModel`, or an object with its configuration.
    """
    rows = getattr(model.config.backbone_config, "max_position_embeddings", None)
    if not rows or rows < 0:
        return None
    encoder = getattr(model, "backbone", None)
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    # Positions of RoBERTa start after the padding id.
    padding = getattr(table, "padding_idx", None)
    return rows if padding is None else rows - padding - 1

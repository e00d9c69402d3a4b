"""Attention over unpadded texts: the tokens of all texts in one row, (T, heads, width).

The row is split into blocks of texts of similar length, each padded again. On an accelerator, a
kernel usually takes the whole row instead (`varlen_attention_hybrid_mtl`).
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .dropout_hybrid_mtl import drop

TEXTS_PER_CALL = 16
SCORES_PER_CALL = 1 << 16  # per head


class Block:
    """Some consecutive texts of a row that share one call of attention.

    Args:
        lengths: tokens of each text.
        device: the device of the tokens.
    """

    def __init__(self, lengths: list[int], device: torch.device | str = "cpu"):
        self.tokens = sum(lengths)
        self.shape = (len(lengths), round_up(max(lengths)))
        mask = torch.arange(self.shape[1]) < torch.tensor(lengths)[:, None]
        # Unlike `nonzero`, starts no threads for a small mask.
        slots = torch.arange(mask.numel()).masked_select(mask.flatten())
        self.is_dense = len(slots) == mask.numel()
        self.mask, self.slots = to_device(mask, device), to_device(slots, device)

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        dropout_p: float = 0.0,
        scale: float | None = None,
        window: int | None = None,
    ) -> Tensor:
        """Attend within each text; return (tokens, heads, width).

        Args:
            query: (tokens, heads, width), and so `key` and `value`.
            key: see `query`.
            value: see `query`.
            dropout_p: dropout probability of the attention weights.
            scale: factor of the scores; 1 / sqrt(width) if None.
            window: how many tokens a token attends to on either side; its whole text if None.
        """
        query, key, value = (self._pad(x).transpose(1, 2) for x in (query, key, value))
        attend = _attend if query.device.type == "cpu" else _attend_fused
        mask = self._attention_mask(window)
        output = attend(query, key, value, mask, dropout_p, scale).transpose(1, 2).flatten(0, 1)
        return output if self.is_dense else output.index_select(0, self.slots)

    def _pad(self, x: Tensor) -> Tensor:
        if not self.is_dense:
            x = x.new_zeros(self.mask.numel(), *x.shape[1:]).index_copy(0, self.slots, x)
        return x.unflatten(0, self.shape)

    def _attention_mask(self, window: int | None) -> Tensor | None:
        """Return the mask of visible keys, (texts, 1, 1 or L, L); None if all are visible."""
        mask = None if self.is_dense else self.mask[:, None, None, :]
        if window is None or window >= self.shape[1] - 1:
            return mask
        positions = torch.arange(self.shape[1], device=self.mask.device)
        near = (positions[:, None] - positions).abs() <= window
        # Padding rows attend to the whole text: softmax over nothing is NaN.
        return near if mask is None else (near & mask) | (~self.mask[:, None, :, None] & mask)


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    scale: float | None,
) -> Tensor:
    """Attend where the mask is true; queries, keys and values are (texts, heads, L, width).

    torch's own attention multiplies block by block, which with oneDNN takes several times as long
    as with MKL.
    """
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return drop(scores.softmax(dim=-1), dropout_p) @ value


def _attend_fused(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    scale: float | None,
) -> Tensor:
    """Attend with torch's fused attention, as `_attend`."""
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout_p, scale=scale
    )


class Blocks:
    """Attention of a row in blocks of texts.

    Args:
        lengths: tokens of the row's texts; ascending order needs the least padding.
        device: the device of the row.
    """

    def __init__(self, lengths: list[int], device: torch.device | str = "cpu"):
        calls = group_by_call(lengths) if torch.device(device).type == "cpu" else [lengths]
        self.blocks = [Block(call, device) for call in calls]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
        """Attend as `Block.attend`, for the tokens of all blocks."""
        sizes = [block.tokens for block in self.blocks]
        parts = [x.split(sizes) for x in (query, key, value)]
        outputs = [
            block.attend(*inputs, **options)
            for block, *inputs in zip(self.blocks, *parts, strict=True)
        ]
        return torch.cat(outputs)


def group_by_call(lengths: list[int]) -> list[list[int]]:
    """Split lengths in ascending order into calls of attention whose scores fit a cache."""
    calls: list[list[int]] = []
    for length in lengths:
        capacity = min(TEXTS_PER_CALL, SCORES_PER_CALL // round_up(length) ** 2)
        if not calls or len(calls[-1]) >= capacity:
            calls.append([])
        calls[-1].append(length)
    return calls


def round_up(count: int, step: int = 8) -> int:
    """Return the smallest multiple of `step` that is at least `count`."""
    return -(-count // step) * step


def to_device(table: Tensor, device: torch.device | str) -> Tensor:
    """Move a tensor to a device; from the CPU, without synchronizing."""
    if table.device.type == "cpu" and torch.device(device).type == "cuda":
        table = table.pin_memory()
    return table.to(device, non_blocking=True)

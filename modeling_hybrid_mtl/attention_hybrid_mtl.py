"""Attention over texts that follow one another in a row, each apart from the others.

On a CPU, texts of like length are put side by side again, some at a time. On an accelerator one
kernel takes the row with the places where its texts begin.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .dropout_hybrid_mtl import drop

TEXTS_PER_CALL = 16
SCORES_PER_CALL = 1 << 16  # of each head


class Block:
    """Some texts that share a call of attention: their tokens follow one another in the row.

    Args:
        lengths: tokens of each text.
        device: where the tokens are.
    """

    def __init__(self, lengths: list[int], device: torch.device | str = "cpu"):
        self.tokens = sum(lengths)
        self.shape = (len(lengths), rounded_up(max(lengths)))
        mask = torch.arange(self.shape[1]) < torch.tensor(lengths)[:, None]
        slots = mask.flatten().nonzero().squeeze(1)
        self.full = len(slots) == mask.numel()
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
        """Attention of each token to its own text's tokens; all are (tokens, heads, width).

        Args:
            query: of every token.
            key: likewise.
            value: likewise.
            dropout_p: the share of the probabilities that is dropped.
            scale: of the scores; one over the root of the width if None.
            window: how far a token sees to either side; its whole text if None.
        """
        query, key, value = (self._apart(x).transpose(1, 2) for x in (query, key, value))
        attend = _attend if query.device.type == "cpu" else _attend_fused
        mask = self._visible(window)
        found = attend(query, key, value, mask, dropout_p, scale).transpose(1, 2).flatten(0, 1)
        return found if self.full else found.index_select(0, self.slots)

    def _apart(self, x: Tensor) -> Tensor:
        if not self.full:
            x = x.new_zeros(self.mask.numel(), *x.shape[1:]).index_copy(0, self.slots, x)
        return x.unflatten(0, self.shape)

    def _visible(self, window: int | None) -> Tensor | None:
        """Which keys a query sees, (texts, 1, 1 or L, L); None if all."""
        mask = None if self.full else self.mask[:, None, None, :]
        if window is None or window >= self.shape[1] - 1:
            return mask
        places = torch.arange(self.shape[1], device=self.mask.device)
        near = (places[:, None] - places).abs() <= window
        # Rows behind a text's end see its beginning: softmax of nothing is not a number.
        return near if mask is None else (near & mask) | (~self.mask[:, None, :, None] & mask)


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    scale: float | None,
) -> Tensor:
    """Attention where the mask is true; queries, keys and values are (texts, heads, L, width).

    Torch's own makes a small product for every block, which costs oneDNN several times what it
    costs MKL.
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
    """As `_attend`, by torch's fused attention."""
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout_p, scale=scale
    )


class Blocks:
    """Attention of a row by blocks of texts that stand side by side.

    Args:
        lengths: tokens of the row's texts; in ascending order little is padding.
        device: where the row is.
    """

    def __init__(self, lengths: list[int], device: torch.device | str = "cpu"):
        calls = in_calls(lengths) if torch.device(device).type == "cpu" else [lengths]
        self.blocks = [Block(call, device) for call in calls]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
        """As `Block.attend`, for the tokens of all blocks."""
        sizes = [block.tokens for block in self.blocks]
        sides = [x.split(sizes) for x in (query, key, value)]
        found = [
            block.attend(*parts, **options)
            for block, *parts in zip(self.blocks, *sides, strict=True)
        ]
        return torch.cat(found)


class Ragged:
    """Attention of a row by a kernel that takes the places where its texts begin.

    Without such a kernel for the row's device, precision and width, by one block of all texts.

    Args:
        lengths: tokens of the row's texts, in their order.
        device: where the row is.
    """

    def __init__(self, lengths: list[int], device: torch.device | str):
        self.lengths = lengths
        self.longest = max(lengths)
        starts = torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)
        self.starts = to_device(starts, device)
        self._blocks: Blocks | None = None

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        dropout_p: float = 0.0,
        scale: float | None = None,
        window: int | None = None,
    ) -> Tensor:
        """As `Block.attend`, for the tokens of all texts."""
        if window is not None and window >= self.longest - 1:
            window = None
        kernel = kernel_for(query.device, query.dtype, query.shape[-1], window is not None)
        if kernel is None:
            self._blocks = self._blocks or Blocks(self.lengths, query.device)
            return self._blocks.attend(
                query, key, value, dropout_p=dropout_p, scale=scale, window=window
            )
        return kernel(query, key, value, self.starts, self.longest, dropout_p, scale, window)


# Queries, keys, values (T, heads, width), the texts' beginnings and the end (N + 1,), the longest
# text, dropout, scale, window -> (T, heads, width).
Kernel = Callable[..., Tensor]


def flash(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    starts: Tensor,
    longest: int,
    dropout_p: float,
    scale: float | None,
    window: int | None,
) -> Tensor:
    """Flash attention, as torch carries it: half precision, with windows and dropout.

    What `torch.nn.attention.varlen.varlen_attn` calls, which offers no dropout.
    """
    side = -1 if window is None else window
    found = torch.ops.aten._flash_attention_forward(
        query,
        key,
        value,
        starts,
        starts,
        longest,
        longest,
        dropout_p,
        False,  # causal
        False,  # without the mask of the dropout
        scale=scale,
        window_size_left=side,
        window_size_right=side,
    )
    return found[0]


def memory_efficient(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    starts: Tensor,
    longest: int,
    dropout_p: float,
    scale: float | None,
    window: int | None,
) -> Tensor:
    """Memory-efficient attention, as torch carries it: every precision, without windows."""
    if window is not None:
        raise ValueError("memory-efficient attention takes no window")
    found = torch.ops.aten._efficient_attention_forward(
        query[None],
        key[None],
        value[None],
        None,  # bias
        starts,
        starts,
        longest,
        longest,
        dropout_p,
        0,  # no mask but the texts' own
        True,  # with what the backward pass reads
        scale=scale,
    )
    return found[0][0]


KERNELS: tuple[Kernel, ...] = (flash, memory_efficient)


@cache
def kernel_for(device: torch.device, dtype: torch.dtype, width: int, window: bool) -> Kernel | None:
    """The first kernel that gives right results here; None if none does.

    Args:
        device: of the row.
        dtype: of queries, keys and values.
        width: of a head.
        window: whether tokens see a part of their text.
    """
    return next((k for k in KERNELS if _is_right(k, device, dtype, width, window)), None)


def _is_right(
    kernel: Kernel, device: torch.device, dtype: torch.dtype, width: int, window: bool
) -> bool:
    """Whether a kernel agrees with the plain formula on two texts, and so do its gradients.

    Whether a card and a torch have a kernel, and for which sizes, is best asked of the kernel. The
    answer serves training too, whoever asks first.

    Raises:
        torch.OutOfMemoryError: which says nothing of the kernel.
    """
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
    ):
        try:
            _compare(kernel, device, dtype, width, window)
        except torch.OutOfMemoryError:
            raise
        except (AssertionError, RuntimeError, ValueError):
            return False
    return True


def _compare(
    kernel: Kernel, device: torch.device, dtype: torch.dtype, width: int, window: bool
) -> None:
    lengths = [5, 12]
    side = 3 if window else None
    # Not random: what a run draws stays as it is.
    numbers = torch.arange(3 * sum(lengths) * 2 * width, dtype=torch.float32).sin()
    start = numbers.view(3, sum(lengths), 2, width).to(device, dtype)
    wanted_inputs, inputs = (start.clone().requires_grad_() for _ in range(2))
    blocks = [Block([length]) for length in lengths]
    starts = torch.tensor([0, 5, 17], dtype=torch.int32, device=device)
    found = kernel(*inputs.unbind(), starts, 12, 0.0, None, side)
    found.float().square().sum().backward()
    own = [row.unbind() for row in wanted_inputs.float().cpu().split(lengths, dim=1)]
    wanted = torch.cat(
        [
            block.attend(query, key, value, window=side)
            for block, (query, key, value) in zip(blocks, own, strict=True)
        ]
    )
    wanted.square().sum().backward()
    close = 1e-3 if dtype == torch.float32 else 5e-2
    torch.testing.assert_close(found.detach().cpu().float(), wanted, rtol=close, atol=close)
    torch.testing.assert_close(inputs.grad, wanted_inputs.grad, rtol=close, atol=close)


def in_calls(lengths: list[int]) -> list[list[int]]:
    """Texts in ascending order of length, by calls of attention whose scores a cache can hold."""
    calls: list[list[int]] = []
    for length in lengths:
        most = min(TEXTS_PER_CALL, SCORES_PER_CALL // rounded_up(length) ** 2)
        if not calls or len(calls[-1]) >= most:
            calls.append([])
        calls[-1].append(length)
    return calls


def rounded_up(count: int, step: int = 8) -> int:
    """The smallest multiple of a step that is not below a count."""
    return -(-count // step) * step


def to_device(table: Tensor, device: torch.device | str) -> Tensor:
    """A tensor on a device; one of the CPU gets there without a wait for what that has to do."""
    if table.device.type == "cpu" and torch.device(device).type == "cuda":
        table = table.pin_memory()
    return table.to(device, non_blocking=True)

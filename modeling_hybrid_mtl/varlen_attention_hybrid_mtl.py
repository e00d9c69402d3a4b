"""Attention over unpadded texts by kernels that take the row and the offsets of its texts."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from .attention_hybrid_mtl import Block, Blocks, to_device


class Ragged:
    """Attention of a row by a kernel that takes the offsets of its texts.

    If no kernel supports the device, precision and width, all texts are one block.

    Args:
        lengths: tokens of the row's texts, in their order.
        device: the device of the row.
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
        """Attend as `Block.attend`, for the tokens of all texts."""
        if window is not None and window >= self.longest - 1:
            window = None
        kernel = kernel_for(query.device, query.dtype, query.shape[-1], window is not None)
        if kernel is None:
            self._blocks = self._blocks or Blocks(self.lengths, query.device)
            return self._blocks.attend(
                query, key, value, dropout_p=dropout_p, scale=scale, window=window
            )
        return kernel(query, key, value, self.starts, self.longest, dropout_p, scale, window)


# Queries, keys, values (T, heads, width), the offsets of the texts and the end (N + 1,), the
# longest text's length, dropout, scale, window -> (T, heads, width).
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
    """Run torch's flash attention: half precision only, with windows and dropout.

    `torch.nn.attention.varlen.varlen_attn` calls the same operator, but without dropout.
    """
    side = -1 if window is None else window
    outputs = torch.ops.aten._flash_attention_forward(
        query,
        key,
        value,
        starts,
        starts,
        longest,
        longest,
        dropout_p,
        False,  # causal
        False,  # do not return the dropout mask
        scale=scale,
        window_size_left=side,
        window_size_right=side,
    )
    return outputs[0]


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
    """Run torch's memory-efficient attention: every precision, without windows."""
    if window is not None:
        raise ValueError("memory-efficient attention does not support a window")
    outputs = torch.ops.aten._efficient_attention_forward(
        query[None],
        key[None],
        value[None],
        None,  # bias
        starts,
        starts,
        longest,
        longest,
        dropout_p,
        0,  # no mask within texts
        True,  # keep the log-sum-exp for the backward pass
        scale=scale,
    )
    return outputs[0][0]


KERNELS: tuple[Kernel, ...] = (flash, memory_efficient)


@cache
def kernel_for(device: torch.device, dtype: torch.dtype, width: int, window: bool) -> Kernel | None:
    """Return the first kernel with correct results on a device; None if there is none.

    Args:
        device: device of the row.
        dtype: dtype of queries, keys and values.
        width: width of a head.
        window: whether attention is restricted to a window.
    """
    return next((k for k in KERNELS if _is_correct(k, device, dtype, width, window)), None)


def _is_correct(
    kernel: Kernel, device: torch.device, dtype: torch.dtype, width: int, window: bool
) -> bool:
    """Return whether the outputs and gradients of a kernel match `Block.attend` on two texts.

    A trial run is the most reliable check of a kernel's support for a device and size. The result
    is cached for training, too, even if the first call is made in inference mode.

    Raises:
        torch.OutOfMemoryError: which is not the kernel's failure.
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
    # Not random, so that the generator's state is unchanged.
    values = torch.arange(3 * sum(lengths) * 2 * width, dtype=torch.float32).sin()
    qkv = values.view(3, sum(lengths), 2, width).to(device, dtype)
    expected_inputs, inputs = (qkv.clone().requires_grad_() for _ in range(2))
    blocks = [Block([length]) for length in lengths]
    starts = torch.tensor([0, 5, 17], dtype=torch.int32, device=device)
    output = kernel(*inputs.unbind(), starts, 12, 0.0, None, side)
    output.float().square().sum().backward()
    parts = [row.unbind() for row in expected_inputs.float().cpu().split(lengths, dim=1)]
    expected = torch.cat(
        [
            block.attend(query, key, value, window=side)
            for block, (query, key, value) in zip(blocks, parts, strict=True)
        ]
    )
    expected.square().sum().backward()
    tolerance = 1e-3 if dtype == torch.float32 else 5e-2
    torch.testing.assert_close(
        output.detach().cpu().float(), expected, rtol=tolerance, atol=tolerance
    )
    torch.testing.assert_close(inputs.grad, expected_inputs.grad, rtol=tolerance, atol=tolerance)

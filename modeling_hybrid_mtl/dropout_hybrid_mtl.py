"""Faster dropout on a CPU.

torch draws a dropout mask entry by entry on one core. Here, 64 random bits serve four entries.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEVELS = 1 << 16  # values of 16 bits


class Dropout(nn.Dropout):
    """Dropout as `nn.Dropout`, not in place, with p rounded to a multiple of 1/65,536."""

    def forward(self, input: Tensor) -> Tensor:
        return drop(input, self.p) if self.training else input


def drop(x: Tensor, p: float) -> Tensor:
    """Zero each entry of `x` with probability p, and divide the others by 1 - p.

    Raises:
        ValueError: if p is not between 0 and 1.
    """
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
    kept = round((1 - p) * _LEVELS)
    if traced or x.device.type != "cpu" or not 0 < kept < _LEVELS:
        return functional.dropout(x, p)
    bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    numbers = bits.view(torch.int16)[: x.numel()].view(x.shape)
    # Written as floats directly: converting booleans takes six times as long.
    scale = torch.lt(numbers, kept - _LEVELS // 2, out=torch.empty_like(x))
    return x * scale.mul_(_LEVELS / kept)


def use_fast_dropout(model: nn.Module) -> None:
    """Replace the `nn.Dropout` modules of a model, except those in place."""
    for name, module in list(model.named_modules()):
        if type(module) is nn.Dropout and not module.inplace:
            model.set_submodule(name, Dropout(module.p))

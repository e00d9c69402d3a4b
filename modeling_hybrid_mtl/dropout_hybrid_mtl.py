"""Dropout on a CPU without torch's slowest step there, drawing a number for every entry.

torch draws the mask of a dropout one entry at a time on one core. Here 64 random bits make four
entries.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_NUMBERS = 1 << 16  # that 16 bits tell apart


class Dropout(nn.Dropout):
    """As `nn.Dropout` that is not in place; p is a multiple of 1/65,536, and the scale fits it."""

    def forward(self, input: Tensor) -> Tensor:
        return drop(input, self.p) if self.training else input


def drop(x: Tensor, p: float) -> Tensor:
    """`x` of any shape with a share p of its entries set to zero and the others divided by 1 - p.

    Raises:
        ValueError: if p is not between 0 and 1.
    """
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()
    kept = round((1 - p) * _NUMBERS)
    if traced or x.device.type != "cpu" or not 0 < kept < _NUMBERS:
        return functional.dropout(x, p)
    bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    numbers = bits.view(torch.int16)[: x.numel()].view(x.shape)
    # Written as floats at once: making them of booleans takes six times as long.
    scale = torch.lt(numbers, kept - _NUMBERS // 2, out=torch.empty_like(x))
    return x * scale.mul_(_NUMBERS / kept)


def use_fast_dropout(model: nn.Module) -> None:
    """Put this dropout in the place of torch's, in all of a model, but for one that is in place."""
    for name, module in list(model.named_modules()):
        if type(module) is nn.Dropout and not module.inplace:
            model.set_submodule(name, Dropout(module.p))

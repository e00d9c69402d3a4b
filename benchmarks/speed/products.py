"""The matrix products of an encoder's training passes alone: a lower bound of a step's time."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from modeling_hybrid_mtl.onednn_hybrid_mtl import onednn_matmul


@dataclass
class Products:
    """Forward and backward products of an encoder, on given numbers of tokens.

    Every linear layer has three products per pass: its output, the gradient of its input and
    that of its weights. Attention has two, each with two more in the backward pass; all texts
    are taken to have the mean length.

    Args:
        encoder: a transformer whose linear layers process every token once.
        text_tokens: mean tokens of a text.
    """

    encoder: Any
    text_tokens: float

    @cached_property
    def weights(self) -> list[Tensor]:
        """Return the weights of the linear layers, (out, in), in their order."""
        layers = [m for m in self.encoder.modules() if isinstance(m, nn.Linear)]
        return [layer.weight.detach() for layer in layers]

    def seconds(self, passes: Sequence[int], *, fast: bool = True) -> float:
        """Return the time of the products of these passes, one after the other.

        Args:
            passes: real tokens of each pass.
            fast: with the library of training; otherwise with torch's default.
        """
        with torch.no_grad(), onednn_matmul if fast else nullcontext():
            return sum(map(self._of_pass, passes))

    def _of_pass(self, tokens: int) -> float:
        config = self.encoder.config
        texts = max(1, round(tokens / self.text_tokens))
        _linear_seconds(self.weights, tokens)  # oneDNN compiles its programs
        attention = _attention_seconds(
            texts * config.num_attention_heads,
            round(self.text_tokens),
            config.hidden_size // config.num_attention_heads,
        )
        return _linear_seconds(self.weights, tokens) + config.num_hidden_layers * attention


def _linear_seconds(weights: Sequence[Tensor], tokens: int) -> float:
    widths = {width for weight in weights for width in weight.shape}
    rows = {width: torch.randn(tokens, width) for width in widths}
    results = {width: torch.empty(tokens, width) for width in widths}
    gradients = {weight.shape: torch.empty_like(weight) for weight in weights}
    start = time.perf_counter()
    for weight in weights:
        out, inner = weight.shape
        torch.mm(rows[inner], weight.t(), out=results[out])
    for weight in reversed(weights):
        out, inner = weight.shape
        torch.mm(rows[out], weight, out=results[inner])
        torch.mm(rows[out].t(), rows[inner], out=gradients[weight.shape])
    return time.perf_counter() - start


def _attention_seconds(heads: int, length: int, width: int) -> float:
    """Time one layer, forward and backward: (heads, L, L) scores, (heads, L, width) results."""
    vectors, square = torch.randn(heads, length, width), torch.randn(heads, length, length)
    scores, results = torch.empty_like(square), torch.empty_like(vectors)
    start = time.perf_counter()
    for _ in range(2):
        torch.bmm(vectors, vectors.transpose(1, 2), out=scores)
    for _ in range(4):
        torch.bmm(square, vectors, out=results)
    return time.perf_counter() - start

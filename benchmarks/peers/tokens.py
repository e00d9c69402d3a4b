"""Counts what an encoder reads, whoever wrote the loop around it."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class TokenCounter:
    """Counts the tokens of every training pass through some encoders.

    `tokens` are the real ones, those that are not padding and that were not added to a packed row
    for its size; `positions` are those that the layers
    computed, padding included. Real tokens are seen where ids become vectors, positions in front of
    the first linear layer: between the two an encoder may leave padding out.

    Args:
        encoders: the encoders, which have their token embeddings first.
        pad: id of the padding.
    """

    def __init__(self, encoders: Iterable[nn.Module], pad: int):
        self.pad = pad
        # Numbers that the device may not know yet: counting must not make a loop wait.
        self._passes: list[tuple[torch.Tensor, int]] = []
        self.positions = 0
        self._spare = 0
        for encoder in encoders:
            embedding = next(m for m in encoder.modules() if isinstance(m, nn.Embedding))
            linear = next(m for m in encoder.modules() if isinstance(m, nn.Linear))
            encoder.register_forward_pre_hook(self._note_spare, with_kwargs=True)
            embedding.register_forward_pre_hook(self._count_tokens)
            linear.register_forward_pre_hook(self._count_positions)

    def take(self) -> dict[str, Any]:
        """What was counted since the last call: `passes` holds the real tokens of each pass."""
        passes = [int(tokens) - spare for tokens, spare in self._passes]
        found = {"tokens": sum(passes), "positions": self.positions, "passes": passes}
        self._passes, self.positions = [], 0
        return found

    def _note_spare(self, module: nn.Module, inputs: tuple, options: dict[str, Any]) -> None:
        self._spare = getattr(options.get("unpadding"), "spare", 0)

    def _count_tokens(self, module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._passes.append(((inputs[0] != self.pad).sum(), self._spare))

    def _count_positions(self, module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.positions += inputs[0].shape[:-1].numel()

"""Count the tokens of an encoder in any training loop."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class TokenCounter:
    """Counts the tokens of every training pass through some encoders.

    `tokens` are the real ones: neither padding nor added to an unpadded sequence for its size;
    `positions` are those computed by the layers, including padding. Real tokens are counted at the
    embeddings, positions before the first linear layer: an encoder may remove padding between the
    two.

    Args:
        encoders: the encoders, each with its token embeddings as the first module.
        pad: id of the padding.
    """

    def __init__(self, encoders: Iterable[nn.Module], pad: int):
        self.pad = pad
        # Tensors that may not be computed yet: counting must not make a loop wait.
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
        """Return the counts since the last call; `passes` holds the real tokens of each pass."""
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


class MaskCounter:
    """Counts the tokens of a `HybridMTLModel` by its attention masks, which are on the CPU.

    Hooks of the encoder do not run when a GPU replays its passes.
    """

    def __init__(self, model: Any):
        self._passes: list[int] = []
        encode = model.encode_tokens

        def counting(ids: torch.Tensor, mask: torch.Tensor, *rest: Any) -> Any:
            self._passes.append(int(mask.sum()))
            return encode(ids, mask, *rest)

        model.encode_tokens = counting

    def take(self) -> dict[str, Any]:
        """Return the counts since the last call, as `TokenCounter.take`."""
        passes, self._passes = self._passes, []
        return {"tokens": sum(passes), "positions": sum(passes), "passes": passes}

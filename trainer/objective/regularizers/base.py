"""What every regularizer offers the trainer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput


class Regularizer(ABC):
    """A term added to a task's loss.

    A weight multiplies the term as it is; the task's `loss_weight` has no part in it.

    Args:
        weight: one number for all tasks, or task -> number; tasks left out have weight 0. A task of
            weight 0 costs nothing.

    Attributes:
        name: under which it is registered, and its state stands in a checkpoint.
    """

    name = ""

    def __init__(self, weight: float | Mapping[str, float]):
        self.weight = weight

    def weight_of(self, task: str) -> float:
        """The weight of one task's term."""
        return self.weight.get(task, 0.0) if isinstance(self.weight, Mapping) else self.weight

    def term(
        self, model: HybridMTLModel, task: str, batch: dict[str, Tensor], output: HybridMTLOutput
    ) -> Tensor:
        """What to add to the task's loss.

        Args:
            model: the model itself, in training mode; not a compiled or parallel wrapper.
            task: the batch's task.
            batch: what `model.forward` was called with besides `task`, labels among it.
            output: the training forward's output, its graph attached.

        Returns:
            A scalar in float32 whose gradient reaches the model's parameters.
        """
        weight = self.weight_of(task)
        if weight == 0:
            return torch.zeros((), device=batch["input_ids"].device)
        return self._weighted(weight, model, task, batch, output)

    @abstractmethod
    def _weighted(
        self,
        weight: float,
        model: HybridMTLModel,
        task: str,
        batch: dict[str, Tensor],
        output: HybridMTLOutput,
    ) -> Tensor:
        """`term` for a weight other than 0."""

    def after_step(self, model: HybridMTLModel) -> None:  # noqa: B027
        """Called once after every optimizer step."""

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors that a resumed run needs; none for most regularizers."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027
        """Continue from what `state_dict` gave."""


def without_labels(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A batch that asks for logits only."""
    return {name: tensor for name, tensor in batch.items() if name != "labels"}

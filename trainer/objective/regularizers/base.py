"""The interface of regularizers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from trainer.errors import InputError

Weight = float | Mapping[str, float]


class Regularizer(ABC):
    """A term added to a task's loss.

    The task's `loss_weight` does not apply to the term.

    Args:
        weight: one number for all tasks, or task -> number, by default 0. Terms of weight 0 are not
            computed.
        config: the options that it is registered with.

    Attributes:
        name: its registered name, and the key of its state in a checkpoint.
        citation: the key of its paper in `trainer/cards/references.bib`, if it has one.
    """

    name = ""
    citation = ""

    def __init__(self, weight: Weight, config: Any = None):
        self.weight = weight

    def weight_of(self, task: str) -> float:
        """Return the weight of a task's term."""
        return self.weight.get(task, 0.0) if isinstance(self.weight, Mapping) else self.weight

    def term(
        self, model: HybridMTLModel, task: str, batch: dict[str, Tensor], output: HybridMTLOutput
    ) -> Tensor:
        """Return the term to add to the task's loss, a differentiable scalar in float32.

        Args:
            model: the model in training mode, without a compiled or parallel wrapper.
            task: the batch's task.
            batch: the arguments of `model.forward` besides `task`, including labels.
            output: the output of the training forward pass, with its graph.
        """
        weight = self.weight_of(task)
        if weight == 0:
            return torch.zeros((), device=batch["input_ids"].device)
        term = self.weighted_term(weight, model, task, batch, output)
        if term.dim() != 0:
            raise InputError(
                f"regularizer '{self.name or type(self).__name__}': its term has the shape "
                f"{tuple(term.shape)}; it must be a scalar, such as a mean over the batch"
            )
        return term

    @abstractmethod
    def weighted_term(
        self,
        weight: float,
        model: HybridMTLModel,
        task: str,
        batch: dict[str, Tensor],
        output: HybridMTLOutput,
    ) -> Tensor:
        """Return the term, a scalar, for a weight other than 0."""

    def after_step(self, model: HybridMTLModel) -> None:  # noqa: B027
        """Update the regularizer after an optimizer step."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return the tensors that a resumed run needs; none for most regularizers."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027
        """Restore the tensors of `state_dict`."""


def without_labels(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a batch without its labels, for logits only."""
    return {name: tensor for name, tensor in batch.items() if name != "labels"}

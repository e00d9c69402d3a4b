"""Base classes of aggregators."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer.errors import InputError


@dataclass(frozen=True)
class AggregatorOptions:
    """Options of aggregators.

    Attributes:
        seed: seed of random aggregators, the same on every process.
        main_tasks: for `mtrec`; if None, all that are not auxiliary.
        auxiliary_tasks: for `mtrec`.
        auxiliary_scale: lambda, the factor of the auxiliary tasks' gradients, for `mtrec`.
    """

    seed: int = 0
    main_tasks: Sequence[str] | None = None
    auxiliary_tasks: Sequence[str] | None = None
    auxiliary_scale: float = 0.3


class Aggregator(ABC):
    """Aggregates the gradients of a step's tasks on the shared parameters.

    Aggregators that depend on earlier steps have a `state_dict`; the others are stateless.

    Args:
        tasks: all tasks that a step may have.
        options: the aggregator's options.

    Attributes:
        scale_invariant: whether the direction of the aggregate does not depend on the lengths of
            the gradients, so that loss weights have no effect on the shared parameters.
    """

    scale_invariant = False

    def __init__(self, tasks: Sequence[str], options: AggregatorOptions):
        self.tasks = list(tasks)
        self.options = options

    @abstractmethod
    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        """Return the aggregate of K tasks' gradients.

        Args:
            gradients: K lists, each with one tensor per shared parameter. The tensors of the first
                list are overwritten and returned; the others stay unchanged.
            tasks: the K tasks of this step, in the order of the lists.
            gramian: inner products of the gradients, (K, K).

        Returns:
            One tensor per shared parameter.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return the state on which the next step depends: tensors and primitives."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state, so that the next result is the same.

        Raises:
            ValueError: if the state is another aggregator's.
        """
        if state.keys() != self.state_dict().keys():
            raise ValueError(
                f"state with {sorted(state)} is not of {type(self).__name__}, "
                f"which keeps {sorted(self.state_dict())}"
            )


class GramianAggregator(Aggregator):
    """An aggregator that computes the weights of a weighted sum from the Gramian alone.

    Attributes:
        on_device: whether `weights` runs on the Gramian's device without synchronization. Most
            solvers run on the host and wait for the device.
    """

    on_device = False

    @abstractmethod
    def weights(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        """Return the weights of the tasks' gradients, (K,), on the Gramian's device.

        Args:
            gramian: inner products of the gradients, (K, K), on the CPU unless `on_device`.
            tasks: the K tasks of this step.
        """

    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        weights = self.weights(gramian if self.on_device else gramian.cpu(), tasks)
        if weights.shape != (len(tasks),):
            raise InputError(
                f"aggregator {type(self).__name__}: weights: expected the shape ({len(tasks)},), "
                f"got {tuple(weights.shape)}"
            )
        on_host = weights.device.type == "cpu"
        return weighted_sum(gradients, weights.tolist() if on_host else weights.unbind())


def weighted_sum(
    gradients: Sequence[Sequence[Tensor]], weights: Sequence[float | Tensor]
) -> list[Tensor]:
    """Return the sum over k of `weights[k] * gradients[k]`, in the first list's storage.

    Weights that are tensors avoid synchronization, but need a copy of one gradient at a time.
    """
    total = list(gradients[0])
    torch._foreach_mul_(total, weights[0])
    for gradient, weight in zip(gradients[1:], weights[1:], strict=True):
        if isinstance(weight, float):
            torch._foreach_add_(total, list(gradient), alpha=weight)
        else:
            torch._foreach_add_(total, torch._foreach_mul(list(gradient), weight))
    return total

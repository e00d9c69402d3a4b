"""What every aggregator is: several tasks' gradients in, one gradient out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class AggregatorOptions:
    """What an aggregator may be told besides its name.

    Attributes:
        seed: of the aggregators that draw random numbers; the same on every process.
        main_tasks: for `mtrec`; left out, all that are not auxiliary.
        auxiliary_tasks: for `mtrec`.
        auxiliary_scale: lambda, the factor of the auxiliary tasks' gradients, for `mtrec`.
    """

    seed: int = 0
    main_tasks: Sequence[str] | None = None
    auxiliary_tasks: Sequence[str] | None = None
    auxiliary_scale: float = 0.3


class Aggregator(ABC):
    """Turns the gradients of a step's tasks on the shared parameters into one.

    An aggregator that depends on earlier steps says so in `state_dict`; the others keep nothing.

    Args:
        tasks: all tasks that a step may have.
        options: the aggregator's options.
    """

    def __init__(self, tasks: Sequence[str], options: AggregatorOptions):
        self.tasks = list(tasks)
        self.options = options

    @abstractmethod
    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        """One gradient from K tasks' gradients.

        Args:
            gradients: K lists, each with one tensor per shared parameter. The first list's tensors
                are overwritten and returned; the others are only read.
            tasks: the K tasks of this step, in the order of the lists.
            gramian: inner products of the gradients, (K, K).

        Returns:
            One tensor per shared parameter.
        """

    def state_dict(self) -> dict[str, Any]:
        """What the next step depends on: tensors and primitives."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict` was taken, to the same next result.

        Raises:
            ValueError: if the state is another aggregator's.
        """
        if state.keys() != self.state_dict().keys():
            raise ValueError(
                f"state with {sorted(state)} is not of {type(self).__name__}, "
                f"which keeps {sorted(self.state_dict())}"
            )


class GramianAggregator(Aggregator):
    """An aggregator whose result is a weighted sum, with weights that follow from the Gramian
    alone.

    Attributes:
        on_device: whether `weights` takes the Gramian on whatever device it is on, and looks at
            none of its numbers. Most methods' solvers run on the host, and wait for the device.
    """

    on_device = False

    @abstractmethod
    def weights(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        """The factor of each task's gradient.

        Args:
            gramian: inner products of the gradients, (K, K), on the CPU unless `on_device`.
            tasks: the K tasks of this step.

        Returns:
            K weights on the Gramian's device.
        """

    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        weights = self.weights(gramian if self.on_device else gramian.cpu(), tasks)
        on_host = weights.device.type == "cpu"
        return weighted_sum(gradients, weights.tolist() if on_host else weights.unbind())


def weighted_sum(
    gradients: Sequence[Sequence[Tensor]], weights: Sequence[float | Tensor]
) -> list[Tensor]:
    """Sum over k of `weights[k] * gradients[k]`, in the first list's storage.

    Plain numbers go into the addition itself; weights that are scalars on a device cost a copy of
    a gradient at a time, and no wait.
    """
    total = list(gradients[0])
    torch._foreach_mul_(total, weights[0])
    for gradient, weight in zip(gradients[1:], weights[1:], strict=True):
        if isinstance(weight, float):
            torch._foreach_add_(total, list(gradient), alpha=weight)
        else:
            torch._foreach_add_(total, torch._foreach_mul(list(gradient), weight))
    return total

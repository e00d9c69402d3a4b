"""Base classes of loss weights, and the measurements of a step that they are computed from."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from modeling_hybrid_mtl import TaskConfig
from trainer.errors import InputError

# Added to losses before a division or a logarithm.
EPSILON = 1e-8


class LossWeights(nn.Module, ABC):
    """Weights of the tasks' losses, part of every checkpoint.

    Parameters of the module are trained by the run's optimizer, in a group of their own.

    Args:
        tasks: the trained tasks: name -> configuration.

    Attributes:
        learned: whether the module has parameters.
    """

    learned = False

    def __init__(self, tasks: Mapping[str, TaskConfig]):
        super().__init__()
        self.tasks = list(tasks)

    @abstractmethod
    def forward(self, task: str, loss: Tensor) -> Tensor:
        """Return the weighted loss of a task, a scalar."""

    @abstractmethod
    def logs(self) -> dict[str, float]:
        """Return `loss_weight/<task>` -> the current factor of the task's loss."""


@dataclass(frozen=True)
class StepMeasurements:
    """Measurements of an optimizer step, on the device and equal on all processes.

    The vectors have one entry per task, (K,), NaN for tasks that were not part of the step. Losses
    are means over the task's batches and the processes, without regularizers and before weighting.

    Attributes:
        number: the number of optimizer steps so far, including this one.
        losses: the tasks' losses before the step.
        losses_after: the losses of the same batches after the step, if `needs_losses_after`.
        norms: the norms of the gradients of the weighted losses on the shared parameters, if
            `needs_shared_norms`.
        skipped: 1 if the step was skipped, else 0, a scalar.
    """

    number: int
    losses: Tensor
    losses_after: Tensor
    norms: Tensor
    skipped: Tensor


class LossBalancer(LossWeights):
    """Weights that are computed after each step from its measurements, and are 1 at first.

    Their sum is the number of tasks, K. Losses must not be negative.

    Attributes:
        weights: the tasks' weights, (K,).
        losses: each task's latest loss, (K,), NaN before its first step.
        needs_shared_norms: whether `StepMeasurements.norms` are needed.
        needs_losses_after: whether `StepMeasurements.losses_after` are needed, which takes another
            forward pass of each batch.

    Raises:
        InputError: if there is one task only.
    """

    needs_shared_norms = False
    needs_losses_after = False
    weights: Tensor
    losses: Tensor

    def __init__(self, tasks: Mapping[str, TaskConfig]):
        super().__init__(tasks)
        if len(self.tasks) < 2:
            raise InputError("loss_weights: there is one task only, and nothing to balance")
        self.register_buffer("weights", torch.ones(len(self.tasks)))
        self.register_buffer("losses", torch.full((len(self.tasks),), torch.nan))

    def forward(self, task: str, loss: Tensor) -> Tensor:
        """Return the weighted loss of a task, a scalar."""
        return self.weights[self.tasks.index(task)] * loss

    @torch.no_grad()
    def update(self, step: StepMeasurements) -> None:
        """Compute the weights of the next step without synchronization of an accelerator.

        A skipped step changes nothing.
        """
        measured = step.losses_after if self.needs_losses_after else step.losses
        self.losses.copy_(latest(self.losses, measured, step.skipped))
        new = self.next_weights(step)
        self.weights.copy_(torch.where(step.skipped > 0, self.weights, new))

    @abstractmethod
    def next_weights(self, step: StepMeasurements) -> Tensor:
        """Return the weights after a step, (K,), and update other state unless it is skipped."""

    def logs(self) -> dict[str, float]:
        """Return `loss_weight/<task>` -> the weight of the next step.

        Raises:
            InputError: if a loss is negative, which has no logarithm or ratio.
        """
        for task, loss in zip(self.tasks, self.losses.tolist(), strict=True):
            if loss < 0:
                raise InputError(
                    f"task '{task}': its loss is {loss:.4g}, and loss_weights need losses of 0 or "
                    "more; use loss_weights: fixed, or another loss for the task"
                )
        weights = self.weights.tolist()
        return {f"loss_weight/{task}": w for task, w in zip(self.tasks, weights, strict=True)}


def latest(before: Tensor, new: Tensor, skipped: Tensor) -> Tensor:
    """Return the new values where they are finite, unless the step was skipped."""
    return torch.where(torch.isfinite(new) & (skipped == 0), new, before)

"""Measurement of each step for loss weights that depend on it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from trainer.objective.loss_weights import LossBalancer, StepMeasurements
from trainer.objective.means import RunningMeans

Batch = dict[str, Tensor]


class LossBalancing:
    """Measures the tasks' losses and gradients in each step, then updates the weights of losses.

    Nothing is copied to the host. With several processes, losses are averaged in one collective
    call per step; the norms are those of averaged gradients.

    Args:
        balancer: the weights.
        accelerator: the processes, and whether a gradient scaler skipped the step.
    """

    def __init__(self, balancer: LossBalancer, accelerator: Accelerator):
        self.balancer = balancer
        self.accelerator = accelerator
        self._batches: list[tuple[str, Batch, Tensor, Any]] = []
        self._skipped = False

    def record(self, task: str, batch: Batch, loss: Tensor, scale: Any = 1.0) -> None:
        """Record a batch of the step and its loss without regularizers and weights, a scalar.

        The loss is the model's times `scale`.
        """
        kept = batch if self.balancer.needs_losses_after else {}
        self._batches.append((task, kept, loss.detach(), scale))

    def skip(self) -> None:
        """Mark the current step as skipped."""
        self._skipped = True

    @torch.no_grad()
    def after_step(
        self,
        number: int,
        norms: Mapping[str, Tensor],
        skip_flag: Tensor | None,
        loss_of: Callable[[str, Batch], Tensor],
    ) -> None:
        """Update the weights once after an optimizer step; further calls have no effect.

        Args:
            number: the number of optimizer steps so far.
            norms: task -> norm of its weighted loss's gradient on the shared parameters.
            skip_flag: 1 if the device skipped the step, else 0; None if the host decides.
            loss_of: returns a task's loss of a batch with the current parameters.
        """
        batches, self._batches = self._batches, []
        if not batches:
            return
        skipped = self._skipped or self.accelerator.optimizer_step_was_skipped
        self._skipped = False
        before = _means((task, loss) for task, _, loss, _ in batches)
        after: dict[str, Tensor] = {}
        if self.balancer.needs_losses_after and not skipped:
            after = _means(
                (task, loss_of(task, batch) * scale) for task, batch, _, scale in batches
            )
        losses = torch.stack([self._vector(before), self._vector(after)])
        losses = self.accelerator.reduce(losses, "mean")
        flag = torch.zeros_like(losses[0, 0]) if skip_flag is None else skip_flag
        self.balancer.update(
            StepMeasurements(
                number,
                losses[0],
                losses[1],
                self._vector(norms),
                torch.ones_like(flag) if skipped else flag,
            )
        )

    def _vector(self, values: Mapping[str, Tensor]) -> Tensor:
        """Return the tasks' values in float32, (K,), NaN for tasks without one."""
        missing = torch.full_like(self.balancer.weights[0], torch.nan)
        return torch.stack([values.get(t, missing).float() for t in self.balancer.tasks])


def _means(losses: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    means = RunningMeans()
    for task, loss in losses:
        means.add(task, loss)
    return means.pop()

"""The gradients of an optimizer step."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from trainer.objective.gradients import average_over_ranks, isolated_gradients, norm
from trainer.objective.shared_gradients import SharedGradients
from trainer.objective.sparse_embedding_grads import TableRows


class StepGradients:
    """Backpropagates losses and stores the step's gradient in each parameter's `.grad`.

    With several processes, gradients are averaged here, once per optimizer step, instead of by
    `DistributedDataParallel`, which expects one backward pass per step that reaches all modules.

    Args:
        parameters: all trained parameters.
        accelerator: scales losses in half precision, and holds the number of processes.
        shared: aggregates the tasks' gradients on the shared parameters; if None, they are summed.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        accelerator: Accelerator,
        shared: SharedGradients | None,
    ):
        self.parameters = list(parameters)
        self.accelerator = accelerator
        self.shared = shared
        self._norms: dict[str, Tensor] = {}
        self._tables: dict[nn.Parameter, TableRows] = {}

    def backward(self, losses: Mapping[str, Tensor], batches: Mapping[str, int]) -> None:
        """Backpropagate the tasks of one pass.

        Args:
            losses: task -> loss of its batch, divided by its number of `batches`.
            batches: task -> number of its batches in the step.
        """
        task, *others = losses
        total = torch.stack(list(losses.values())).sum()
        with nullcontext() if self.shared is None else self.shared.record(task):
            if others or task in self._norms:
                self.accelerator.backward(total)
            else:
                self._backward_and_measure(task, total, batches[task])

    def _backward_and_measure(self, task: str, loss: Tensor, batches: int) -> None:
        with isolated_gradients(self.parameters) as gradients:
            self.accelerator.backward(loss)
            self._average(self.parameters)
        self._norms[task] = norm(gradients) * batches / self._scale

    def finish(self) -> tuple[list[nn.Parameter], dict[str, list[Tensor]]]:
        """Average over processes and aggregate the tasks' gradients, after a step's last batch.

        Returns:
            Shared parameters and each task's gradients for them, if they are kept.
        """
        self._average(self.parameters)
        if self.shared is not None:
            return self.shared.aggregate(self.accelerator.num_processes, self._scale)
        for p in self.parameters:
            if p.grad is not None and p.grad.is_sparse:
                p.grad = self._tables.setdefault(p, TableRows(p)).densify(p.grad)
        return [], {}

    def grad_norm(self) -> Tensor:
        """Return the norm of the step's gradients so far in this process, finite if all are."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if self.shared is not None:
            gradients += self.shared.recorded()
        return norm(gradients) if gradients else torch.zeros((), device=self.accelerator.device)

    def drop(self) -> None:
        """Drop the step's gradients, so that the optimizer step has no effect."""
        for p in self.parameters:
            p.grad = None
        if self.shared is not None:
            self.shared.clear()

    def logs(self) -> dict[str, float]:
        """Return each task's gradient norm, and the mean cosines since the last call."""
        logs = {f"grad_norm/{task}": value.item() for task, value in self._norms.items()}
        self._norms = {}
        if self.shared is not None:
            logs.update(self.shared.pop_mean_cosines())
        return logs

    @property
    def _scale(self) -> float:
        scaler = self.accelerator.scaler
        return scaler.get_scale() if scaler else 1.0

    def _average(self, parameters: Sequence[nn.Parameter]) -> None:
        if self.accelerator.num_processes > 1:
            average_over_ranks([p.grad for p in parameters if p.grad is not None])

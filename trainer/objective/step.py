"""One optimizer step's gradients, from the losses of its batches."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from trainer.objective.gradients import average_over_ranks, gradient_apart, norm
from trainer.objective.shared_gradients import SharedGradients
from trainer.objective.sparse_embedding_grads import TableRows


class StepGradients:
    """Back-propagates losses and leaves the step's gradient in each parameter's `.grad`.

    With several processes the gradients are averaged here, once per optimizer step, and not by
    `DistributedDataParallel`, which expects one backward pass per step that reaches all parts.

    Args:
        parameters: all that are trained.
        accelerator: scales losses in half precision and knows the other processes.
        shared: joins the tasks' gradients on the shared parameters; their sum if None.
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
        """Back-propagate the tasks of one pass.

        Args:
            losses: each task's batch's share of the step's loss: the loss over its `batches`.
            batches: how many batches each task has in the step.
        """
        task, *others = losses
        total = torch.stack(list(losses.values())).sum()
        with nullcontext() if self.shared is None else self.shared.record(task):
            if others or task in self._norms:
                self.accelerator.backward(total)
            else:
                self._backward_and_measure(task, total, batches[task])

    def _backward_and_measure(self, task: str, loss: Tensor, batches: int) -> None:
        with gradient_apart(self.parameters) as own:
            self.accelerator.backward(loss)
            self._average(self.parameters)
        self._norms[task] = norm(own) * batches / self._scale

    def finish(self) -> tuple[list[nn.Parameter], dict[str, list[Tensor]]]:
        """After a step's last batch: average over processes, make one gradient of the tasks'.

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
        """The norm of all gradients of the step so far in this process: finite if they all are."""
        found = [p.grad for p in self.parameters if p.grad is not None]
        if self.shared is not None:
            found += self.shared.collected()
        return norm(found) if found else torch.zeros((), device=self.accelerator.device)

    def drop(self) -> None:
        """Forget the step's gradients: the optimizer's step then changes nothing."""
        for p in self.parameters:
            p.grad = None
        if self.shared is not None:
            self.shared.clear()

    def logs(self) -> dict[str, float]:
        """Each task's gradient norm and the tasks' mean cosines since this was last asked."""
        found = {f"grad_norm/{task}": value.item() for task, value in self._norms.items()}
        self._norms = {}
        if self.shared is not None:
            found.update(self.shared.mean_cosines())
        return found

    @property
    def _scale(self) -> float:
        scaler = self.accelerator.scaler
        return scaler.get_scale() if scaler else 1.0

    def _average(self, parameters: Sequence[nn.Parameter]) -> None:
        if self.accelerator.num_processes > 1:
            average_over_ranks([p.grad for p in parameters if p.grad is not None])

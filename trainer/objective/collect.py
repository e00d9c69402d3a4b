"""Each task's gradient on the shared parameters, kept apart until the step's last batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainer.objective.gradients import average_over_ranks


class TaskGradients:
    """Collects one gradient per task, the sum over the task's batches in the step.

    Args:
        shared: the parameters that several tasks train.
    """

    def __init__(self, shared: Sequence[nn.Parameter]):
        self.shared = list(shared)
        self._found: dict[str, list[Tensor | None]] = {}

    @contextmanager
    def of(self, task: str) -> Iterator[None]:
        """What is back-propagated to the shared parameters inside the block is the task's."""
        yield
        new = [p.grad for p in self.shared]
        for p in self.shared:
            p.grad = None
        before = self._found.get(task)
        if before is None:
            self._found[task] = new
            return
        both = [(b, n) for b, n in zip(before, new, strict=True) if b is not None and n is not None]
        torch._foreach_add_([b for b, _ in both], [n for _, n in both])
        self._found[task] = [n if b is None else b for b, n in zip(before, new, strict=True)]

    def take(self, world_size: int) -> tuple[list[nn.Parameter], dict[str, list[Tensor]]]:
        """The parameters that any task reached, and each task's gradient for each of them.

        A gradient is zero where the task does not reach a parameter. With several processes it is
        the mean over them. What was collected is forgotten.
        """
        reached = [any(column) for column in zip(*map(_given, self._found.values()), strict=True)]
        parameters = [p for p, there in zip(self.shared, reached, strict=True) if there]
        gradients = {
            task: [
                torch.zeros_like(p) if g is None else g
                for p, g, there in zip(self.shared, found, reached, strict=True)
                if there
            ]
            for task, found in self._found.items()
        }
        self._found = {}
        if world_size > 1:
            for own in gradients.values():
                average_over_ranks(own)
        return parameters, gradients

    def collected(self) -> list[Tensor]:
        """Every task's gradients since the last step."""
        return [g for found in self._found.values() for g in found if g is not None]

    def forget(self) -> None:
        """Drop what was collected."""
        self._found = {}


def _given(gradients: list[Tensor | None]) -> list[bool]:
    return [g is not None for g in gradients]

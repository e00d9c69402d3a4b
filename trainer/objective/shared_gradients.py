"""The tasks' gradients on the shared parameters: collected in a step, then aggregated."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn

from trainer.objective.aggregators import Aggregator, cosines, gramian
from trainer.objective.gradients import average_over_ranks
from trainer.objective.means import RunningMeans
from trainer.objective.sparse_embedding_grads import TableRows, is_sparse, merge_rows


class SharedGradients:
    """Collects one gradient per task, the sum over its batches, and joins them by an aggregator.

    On the way the cosine between each two tasks' gradients may be noted: below zero they conflict.

    Args:
        shared: the parameters that several tasks train.
        aggregator: makes one gradient of several.
        keep: whether each task's own gradient is still wanted after the joining.
        measure: whether to form the Gramian and note the cosines; only the sum goes without.
    """

    def __init__(
        self, shared: Sequence[nn.Parameter], aggregator: Aggregator, keep: bool, measure: bool
    ):
        self.shared = list(shared)
        self.aggregator = aggregator
        self.keep = keep
        self.measure = measure
        self._cosines = RunningMeans()
        self._found: dict[str, list[Tensor | None]] = {}
        self._known_tables: dict[nn.Parameter, TableRows] = {}
        self._tables: dict[int, TableRows] = {}

    @contextmanager
    def record(self, task: str) -> Iterator[None]:
        """What is back-propagated to the shared parameters inside the block is the task's."""
        yield
        found = [p.grad for p in self.shared]
        new = [g if g is None or not g.is_sparse else merge_rows(g) for g in found]
        for p in self.shared:
            p.grad = None
        before = self._found.get(task)
        if before is None:
            self._found[task] = new
            return
        pairs = list(zip(before, new, strict=True))
        both = [(b, n) for b, n in pairs if b is not None and n is not None and not n.is_sparse]
        if both:
            torch._foreach_add_([b for b, _ in both], [n for _, n in both])
        self._found[task] = [_added(b, n) for b, n in pairs]

    def aggregate(
        self, world_size: int, scale: float = 1.0
    ) -> tuple[list[nn.Parameter], dict[str, list[Tensor]]]:
        """Put the joined gradient into `.grad`, once per optimizer step.

        Args:
            world_size: the number of processes.
            scale: what the gradients are multiplied with, in half precision. An aggregator that
                solves a problem of its own does it for the gradients as they are without.

        Returns:
            The parameters that were reached and, if they are kept, each task's gradients for them.
        """
        parameters, gradients = self.pop(world_size)
        tasks, columns = list(gradients), list(gradients.values())
        products = torch.empty(0)
        if self.measure:
            products = gramian(columns) / scale**2
            self._note(tasks, cosines(products))
        if self.keep:
            # The aggregator writes its result into the first task's gradient.
            columns = [[g.clone() for g in columns[0]], *columns[1:]]
        joined = self.to_dense(self.aggregator.combine(columns, tasks, products))
        for parameter, gradient in zip(parameters, joined, strict=True):
            parameter.grad = gradient
        kept = gradients if self.keep else {}
        return parameters, {task: self.to_dense(own) for task, own in kept.items()}

    def _note(self, tasks: list[str], found: Tensor) -> None:
        for i, j in combinations(range(len(tasks)), 2):
            self._cosines.add(f"gradient_cosine/{tasks[i]}/{tasks[j]}", found[i, j])

    def mean_cosines(self) -> dict[str, Any]:
        """`gradient_cosine/<task>/<task>` -> the mean since this was last asked."""
        return {name: mean.item() for name, mean in self._cosines.take().items()}

    def pop(self, world_size: int) -> tuple[list[nn.Parameter], dict[str, list[Tensor]]]:
        """The parameters that any task reached, and each task's gradient for each of them.

        A gradient is zero where the task does not reach a parameter; of a table that is kept by
        rows it has the rows that any task reached, and `to_dense` makes it dense. With several
        processes it is the mean over them. What was collected is forgotten.
        """
        tasks, found = list(self._found), list(self._found.values())
        self._found = {}
        parameters: list[nn.Parameter] = []
        columns: list[list[Tensor]] = []
        self._tables = {}
        for parameter, gradients in zip(self.shared, zip(*found, strict=True), strict=True):
            if any(g is not None for g in gradients):
                columns.append(self._filled(len(parameters), parameter, gradients))
                parameters.append(parameter)
        own = {task: [column[i] for column in columns] for i, task in enumerate(tasks)}
        if world_size > 1:
            for gradient in own.values():
                average_over_ranks(gradient)
        return parameters, own

    def _filled(
        self, place: int, parameter: nn.Parameter, gradients: Sequence[Tensor | None]
    ) -> list[Tensor]:
        if not is_sparse(gradients):
            return [torch.zeros_like(parameter) if g is None else g for g in gradients]
        if parameter not in self._known_tables:
            self._known_tables[parameter] = TableRows(parameter)
        table = self._tables[place] = self._known_tables[parameter]
        table.recycle()
        return table.to_rows(gradients)

    def to_dense(self, gradients: list[Tensor]) -> list[Tensor]:
        """Gradients in the shapes of the parameters that `pop` gave; valid until it is called."""
        return [
            self._tables[place].to_dense(gradient) if place in self._tables else gradient
            for place, gradient in enumerate(gradients)
        ]

    def collected(self) -> list[Tensor]:
        """Every task's gradients since the last step."""
        return [g for found in self._found.values() for g in found if g is not None]

    def clear(self) -> None:
        """Drop what was collected."""
        self._found = {}


def _added(before: Tensor | None, new: Tensor | None) -> Tensor | None:
    """The sum; that of two dense tensors is in the first of them already."""
    if before is None or new is None:
        return new if before is None else before
    return before + new if new.is_sparse else before

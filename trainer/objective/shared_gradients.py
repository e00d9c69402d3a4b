"""The tasks' gradients on the shared parameters: recorded during a step, then aggregated."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainer.objective.aggregators import Aggregator, gramian
from trainer.objective.cosine_log import CosineLog, layer_of
from trainer.objective.gradients import average_over_ranks
from trainer.objective.sparse_embedding_grads import TableRows, is_sparse, merge_rows


class SharedGradients:
    """Records one gradient per task, the sum over its batches, and aggregates them.

    It also logs the cosines between the tasks' gradients, which conflict where a cosine is
    negative.

    Args:
        shared: the parameters trained by several tasks.
        aggregator: aggregates the tasks' gradients.
        keep: whether `aggregate` returns each task's gradients, too.
        measure: whether to compute the Gramian and the cosines; optional for the sum only.
        names: of the parameters; with them the cosines of each layer are logged, too.
        tasks: in the order of their names in the log.

    Attributes:
        norms: task -> norm of its gradient in the last aggregated step, if measured.
    """

    def __init__(
        self,
        shared: Sequence[nn.Parameter],
        aggregator: Aggregator,
        keep: bool,
        measure: bool,
        names: Sequence[str] = (),
        tasks: Sequence[str] = (),
    ):
        self.shared = list(shared)
        self._layers = dict(zip(self.shared, map(layer_of, names), strict=bool(names)))
        self.aggregator = aggregator
        self.keep = keep
        self.measure = measure
        self.norms: dict[str, Tensor] = {}
        self._cosines = CosineLog(tasks)
        self._task_grads: dict[str, list[Tensor | None]] = {}
        self._table_rows: dict[nn.Parameter, TableRows] = {}
        self._tables: dict[int, TableRows] = {}  # of the gradients that `pop` returned last

    @contextmanager
    def record(self, task: str) -> Iterator[None]:
        """Record the gradients of the block's backward passes on the shared parameters."""
        yield
        gradients = [p.grad for p in self.shared]
        new = [g if g is None or not g.is_sparse else merge_rows(g) for g in gradients]
        for p in self.shared:
            p.grad = None
        before = self._task_grads.get(task)
        if before is None:
            self._task_grads[task] = new
            return
        pairs = list(zip(before, new, strict=True))
        both = [(b, n) for b, n in pairs if b is not None and n is not None and not n.is_sparse]
        if both:
            torch._foreach_add_([b for b, _ in both], [n for _, n in both])
        self._task_grads[task] = [_added(b, n) for b, n in pairs]

    def aggregate(
        self, world_size: int, scale: float = 1.0
    ) -> tuple[list[nn.Parameter], dict[str, list[Tensor]]]:
        """Store the aggregated gradient in `.grad`, once per optimizer step.

        Args:
            world_size: the number of processes.
            scale: the loss scale of half precision, which the Gramian is corrected for.

        Returns:
            The reached parameters and, if they are kept, each task's gradients for them.
        """
        parameters, gradients = self.pop(world_size)
        tasks, columns = list(gradients), list(gradients.values())
        products = torch.empty(0)
        if self.measure:
            products = self._measure(parameters, tasks, columns) / scale**2
            self.norms = dict(zip(tasks, products.diagonal().clamp(min=0).sqrt(), strict=True))
        if self.keep:
            # The aggregator overwrites the first task's gradients.
            columns = [[g.clone() for g in columns[0]], *columns[1:]]
        aggregated = self.to_dense(self.aggregator.combine(columns, tasks, products))
        for parameter, gradient in zip(parameters, aggregated, strict=True):
            parameter.grad = gradient
        kept = gradients if self.keep else {}
        return parameters, {task: self.to_dense(grads) for task, grads in kept.items()}

    def _measure(
        self, parameters: list[nn.Parameter], tasks: list[str], columns: list[list[Tensor]]
    ) -> Tensor:
        """Return the Gramian of all parameters, (K, K); log its cosines and those of each layer."""
        if not self._layers:
            products = gramian(columns)
            self._cosines.add(tasks, [""], products.unsqueeze(0))
            return products
        indices: dict[str, list[int]] = {}
        for index, parameter in enumerate(parameters):
            indices.setdefault(self._layers[parameter], []).append(index)
        of_layers = [
            gramian([[column[i] for i in members] for column in columns])
            for members in indices.values()
        ]
        products = torch.stack(of_layers).sum(0)
        self._cosines.add(tasks, ["", *indices], torch.stack([products, *of_layers]))
        return products

    def pop_mean_cosines(self) -> dict[str, float]:
        """Return the mean cosines since the last call; see `CosineLog.pop`."""
        return self._cosines.pop()

    def pop(self, world_size: int) -> tuple[list[nn.Parameter], dict[str, list[Tensor]]]:
        """Return the parameters reached by any task, and each task's gradient for each of them.

        A gradient is zero if the task does not reach the parameter. Gradients of a sparse table
        have the rows reached by any task; `to_dense` converts them. With several processes they are
        averaged. Recorded gradients are cleared.
        """
        tasks, recorded = list(self._task_grads), list(self._task_grads.values())
        self._task_grads = {}
        parameters: list[nn.Parameter] = []
        columns: list[list[Tensor]] = []
        self._tables = {}
        for parameter, gradients in zip(self.shared, zip(*recorded, strict=True), strict=True):
            if any(g is not None for g in gradients):
                columns.append(self._fill(len(parameters), parameter, gradients))
                parameters.append(parameter)
        task_grads = {task: [column[i] for column in columns] for i, task in enumerate(tasks)}
        if world_size > 1:
            for grads in task_grads.values():
                average_over_ranks(grads)
        return parameters, task_grads

    def _fill(
        self, index: int, parameter: nn.Parameter, gradients: Sequence[Tensor | None]
    ) -> list[Tensor]:
        if not is_sparse(gradients):
            return [torch.zeros_like(parameter) if g is None else g for g in gradients]
        if parameter not in self._table_rows:
            self._table_rows[parameter] = TableRows(parameter)
        table = self._tables[index] = self._table_rows[parameter]
        table.recycle()
        return table.to_rows(gradients)

    def to_dense(self, gradients: list[Tensor]) -> list[Tensor]:
        """Return gradients in the shapes of the parameters of `pop`, valid until its next call."""
        return [
            self._tables[index].to_dense(gradient) if index in self._tables else gradient
            for index, gradient in enumerate(gradients)
        ]

    def recorded(self) -> list[Tensor]:
        """Return the gradients of all tasks since the last step."""
        return [g for grads in self._task_grads.values() for g in grads if g is not None]

    def clear(self) -> None:
        """Clear the recorded gradients."""
        self._task_grads = {}


def _added(before: Tensor | None, new: Tensor | None) -> Tensor | None:
    """Return the sum, which `before` holds already if both are dense."""
    if before is None or new is None:
        return new if before is None else before
    return before + new if new.is_sparse else before

"""The shared parameters' one gradient, made of the tasks' gradients by an update rule."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn

from trainer.objective.aggregators import Rule, cosines, gramian
from trainer.objective.collect import TaskGradients
from trainer.objective.means import RunningMeans


class SharedGradients(TaskGradients):
    """Collects the tasks' gradients on the shared parameters and joins them by a rule.

    On the way the cosine between each two tasks' gradients may be noted: below zero they conflict.

    Args:
        shared: the parameters that several tasks train.
        rule: makes one gradient of several.
        keep: whether each task's own gradient is still wanted after the joining.
        measure: whether to form the Gramian and note the cosines; only the sum goes without.
    """

    def __init__(self, shared: Sequence[nn.Parameter], rule: Rule, keep: bool, measure: bool):
        super().__init__(shared)
        self.rule = rule
        self.keep = keep
        self.measure = measure
        self._cosines = RunningMeans()

    def join(
        self, world_size: int, scale: float = 1.0
    ) -> tuple[list[nn.Parameter], dict[str, list[Tensor]]]:
        """Put the joined gradient into `.grad`, once per optimizer step.

        Args:
            world_size: the number of processes.
            scale: what the gradients are multiplied with, in half precision. A rule that solves a
                problem of its own does it for the gradients as they are without.

        Returns:
            The parameters that were reached and, if they are kept, each task's gradients for them.
        """
        parameters, gradients = self.take(world_size)
        tasks, columns = list(gradients), list(gradients.values())
        products = torch.empty(0)
        if self.measure:
            products = gramian(columns) / scale**2
            self._note(tasks, cosines(products))
        if self.keep:
            # The rule writes its result into the first task's gradient.
            columns = [[g.clone() for g in columns[0]], *columns[1:]]
        joined = self.whole(self.rule.combine(columns, tasks, products))
        for parameter, gradient in zip(parameters, joined, strict=True):
            parameter.grad = gradient
        kept = gradients if self.keep else {}
        return parameters, {task: self.whole(own) for task, own in kept.items()}

    def _note(self, tasks: list[str], found: Tensor) -> None:
        for i, j in combinations(range(len(tasks)), 2):
            self._cosines.add(f"gradient_cosine/{tasks[i]}/{tasks[j]}", found[i, j])

    def mean_cosines(self) -> dict[str, Any]:
        """`gradient_cosine/<task>/<task>` -> the mean since this was last asked."""
        return {name: mean.item() for name, mean in self._cosines.take().items()}

"""GradVac: a pair of tasks is pulled towards its own usual cosine."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.objective.aggregators.base import RuleOptions
from trainer.objective.aggregators.torchjd_aggregators import RandomTorchjdRule
from trainer.registry import AGGREGATORS


@AGGREGATORS.register("gradvac")
class GradVac(RandomTorchjdRule):
    """torchjd's Gradient Vaccine (https://arxiv.org/abs/2010.05874).

    torchjd forgets the pairs' target cosines when the number of tasks changes, and does not put
    them into a checkpoint. Here they belong to the tasks by name: a step with fewer tasks moves
    the targets of their pairs only.
    """

    def __init__(self, tasks: Sequence[str], options: RuleOptions):
        super().__init__("gradvac", tasks, options)
        self.targets = torch.zeros(len(tasks), len(tasks), dtype=torch.float64)

    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        columns = torch.tensor([self.tasks.index(task) for task in tasks])
        rows = columns.unsqueeze(1)
        self.method._phi_t = self.targets[rows, columns].to(gramian.dtype)
        self.method._state_key = (len(tasks), gramian.dtype)
        weights = super().solve(gramian, tasks)
        self.targets[rows, columns] = self.method._phi_t.double()
        return weights

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "targets": self.targets.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.targets.copy_(state["targets"])

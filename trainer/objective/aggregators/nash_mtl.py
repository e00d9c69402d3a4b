"""Nash-MTL: the direction of the tasks' Nash bargaining solution."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.objective.aggregators.base import AggregatorOptions
from trainer.objective.aggregators.torchjd_aggregators import TorchjdAggregator
from trainer.registry import AGGREGATORS


@AGGREGATORS.register("nash_mtl")
class NashMTL(TorchjdAggregator):
    """torchjd's Nash-MTL (https://arxiv.org/abs/2202.01017).

    The solver starts from the weights of the last step. torchjd stores them for a fixed number of
    tasks and outside any state; here they are stored by task and in checkpoints, and set through
    torchjd's undocumented attribute `prvs_alpha`.
    """

    def __init__(self, tasks: Sequence[str], options: AggregatorOptions):
        super().__init__("nash_mtl", tasks, options, n_tasks=len(tasks))
        self.last = torch.ones(len(tasks), dtype=torch.float64)

    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        # The solver divides by the Gramian's norm; for zero gradients any weights are valid.
        if not gramian.any():
            return torch.ones_like(gramian[0])
        if self.method.n_tasks != len(tasks):
            self.method.n_tasks = len(tasks)
            self.method.reset()
        indices = torch.tensor([self.tasks.index(task) for task in tasks])
        self.method.weighting.prvs_alpha = self.last[indices].numpy()
        # torchjd takes gradients but uses their inner products only: pass K vectors of length K
        # with the same inner products.
        values, vectors = torch.linalg.eigh(gramian.double())
        weights = self.method.weighting(vectors * values.clamp(min=0).sqrt())
        self.last[indices] = weights
        return weights

    def state_dict(self) -> dict[str, Any]:
        return {"last": self.last.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.last.copy_(state["last"])

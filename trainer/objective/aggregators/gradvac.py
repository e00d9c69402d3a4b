"""GradVac: a pair of tasks is pulled towards its own usual cosine."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.objective.aggregators.base import AggregatorOptions
from trainer.objective.aggregators.draws import Draws
from trainer.objective.aggregators.solved import SolverAggregator
from trainer.registry import AGGREGATORS

_DECAY = 0.5  # of the target cosines, per step
_SMALL = 1e-8  # added to denominators; Gramians come with a mean diagonal of one


@AGGREGATORS.register("gradvac")
class GradVac(SolverAggregator):
    """Gradient Vaccine (https://arxiv.org/abs/2010.05874).

    Each task's gradient meets the others' in an order that is drawn; where their cosine is below
    the pair's target, so much of the other is added that it equals it. The targets are moving
    averages of the cosines. They belong to the tasks by name and go into a checkpoint: torchjd's
    keep a place for each row, are forgotten when their number changes, and cannot be saved.
    """

    def __init__(self, tasks: Sequence[str], options: AggregatorOptions):
        super().__init__(tasks, options)
        self.draws = Draws(options.seed)
        self.targets = torch.zeros(len(tasks), len(tasks), dtype=torch.float64)

    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        gramian = gramian.double()
        lengths = gramian.diagonal().clamp(min=0).sqrt()
        places = [self.tasks.index(task) for task in tasks]
        # Row i: task i's gradient in terms of the given ones.
        pulled = torch.eye(len(tasks), dtype=torch.float64)
        with self.draws.next_step():
            orders = [torch.randperm(len(tasks) - 1).tolist() for _ in tasks]
        for i, order in enumerate(orders):
            others = [j for j in range(len(tasks)) if j != i]
            for j in (others[k] for k in order):
                products = pulled[i] @ gramian
                length = (products @ pulled[i]).clamp(min=0).sqrt()
                cosine = products[j] / (length * lengths[j] + _SMALL)
                target = self.targets[places[i], places[j]].clone()
                if cosine < target:
                    sine, sine_of_target = (
                        (1 - c * c).clamp(min=0).sqrt() for c in (cosine, target)
                    )
                    missing = length * (target * sine - cosine * sine_of_target)
                    pulled[i, j] += missing / (lengths[j] * sine_of_target + _SMALL)
                self.targets[places[i], places[j]] += _DECAY * (cosine - target)
        return pulled.sum(dim=0)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.draws.step, "targets": self.targets.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.draws.step = state["step"]
        self.targets.copy_(state["targets"])

"""GradVac: raises the cosine of two tasks' gradients to a running mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.objective.aggregators.base import AggregatorOptions
from trainer.objective.aggregators.solver import SolverAggregator
from trainer.objective.aggregators.step_seed import StepSeed
from trainer.registry import AGGREGATORS

_DECAY = 0.5  # of the target cosines, per step
_EPSILON = 1e-8  # added to denominators; Gramians have a mean diagonal of one


@AGGREGATORS.register("gradvac")
class GradVac(SolverAggregator):
    """Gradient Vaccine (https://arxiv.org/abs/2010.05874).

    Each task's gradient is compared with the others' in random order; if their cosine is below the
    pair's target, a multiple of the other gradient is added that makes them equal. The targets are
    moving averages of the cosines, stored by task and in checkpoints. torchjd's are stored by row,
    reset when the number of tasks changes, and not part of a state.
    """

    def __init__(self, tasks: Sequence[str], options: AggregatorOptions):
        super().__init__(tasks, options)
        self.step_seed = StepSeed(options.seed)
        self.targets = torch.zeros(len(tasks), len(tasks), dtype=torch.float64)

    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        gramian = gramian.double()
        lengths = gramian.diagonal().clamp(min=0).sqrt()
        indices = [self.tasks.index(task) for task in tasks]
        # Row i: coordinates of task i's new gradient in terms of the given ones.
        coordinates = torch.eye(len(tasks), dtype=torch.float64)
        with self.step_seed.next_step():
            orders = [torch.randperm(len(tasks) - 1).tolist() for _ in tasks]
        for i, order in enumerate(orders):
            others = [j for j in range(len(tasks)) if j != i]
            for j in (others[k] for k in order):
                products = coordinates[i] @ gramian
                length = (products @ coordinates[i]).clamp(min=0).sqrt()
                cosine = products[j] / (length * lengths[j] + _EPSILON)
                target = self.targets[indices[i], indices[j]].clone()
                if cosine < target:
                    sine, sine_of_target = (
                        (1 - c * c).clamp(min=0).sqrt() for c in (cosine, target)
                    )
                    missing = length * (target * sine - cosine * sine_of_target)
                    coordinates[i, j] += missing / (lengths[j] * sine_of_target + _EPSILON)
                self.targets[indices[i], indices[j]] += _DECAY * (cosine - target)
        return coordinates.sum(dim=0)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step_seed.step, "targets": self.targets.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.step_seed.step = state["step"]
        self.targets.copy_(state["targets"])

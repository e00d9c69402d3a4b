"""GradDrop: a random sign for each entry of the gradient."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.objective.aggregators.base import Aggregator, AggregatorOptions
from trainer.objective.aggregators.step_seed import StepSeed
from trainer.objective.aggregators.torchjd_aggregators import load
from trainer.registry import AGGREGATORS


@AGGREGATORS.register("graddrop")
class GradDrop(Aggregator):
    """torchjd's GradDrop ("Just Pick a Sign", https://arxiv.org/abs/2010.06808).

    It treats entries independently, so it is applied to one parameter at a time, without a (K, D)
    matrix of all parameters.
    """

    def __init__(self, tasks: Sequence[str], options: AggregatorOptions):
        super().__init__(tasks, options)
        self.method = load("graddrop")
        self.step_seed = StepSeed(options.seed)

    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        total = list(gradients[0])
        if len(tasks) == 1:
            return total
        with self.step_seed.next_step(total[0].device):
            for target, *others in zip(*gradients, strict=True):
                matrix = torch.stack([target, *others]).flatten(1)
                wide = torch.promote_types(matrix.dtype, torch.float32)
                target.copy_(self.method(matrix.to(wide)).view_as(target))
        return total

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step_seed.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.step_seed.step = state["step"]

"""Learned loss weights: homoscedastic uncertainty, https://arxiv.org/abs/1705.07115."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from modeling_hybrid_mtl import TaskConfig
from trainer.objective.loss_weights.base import LossWeights
from trainer.registry import LOSS_WEIGHTS


@LOSS_WEIGHTS.register("uncertainty")
class UncertaintyWeights(LossWeights):
    """Weights of the tasks' losses from learned noise variances (Kendall et al. 2018).

    With s = log(sigma^2), learned per task from 0, a classification loss becomes
    `exp(-s) * loss + s / 2` and a loss of scores `exp(-s) / 2 * loss + s / 2` (eq. 7 and 10).

    Args:
        tasks: task -> its configuration.
    """

    learned = True

    def __init__(self, tasks: Mapping[str, TaskConfig]):
        super().__init__(tasks)
        self.log_variances = nn.ParameterDict({name: torch.zeros(()) for name in tasks})
        self.factors = {
            name: 0.5 if task.label_type == "score" else 1.0 for name, task in tasks.items()
        }

    def forward(self, task: str, loss: Tensor) -> Tensor:
        """Return the weighted loss of a task, a scalar."""
        s: Any = self.log_variances[task]
        return self.factors[task] * (-s).exp() * loss + s / 2

    def logs(self) -> dict[str, float]:
        """Return `loss_weight/<task>` -> the current factor of the task's loss."""
        return {
            f"loss_weight/{task}": self.factors[task] * (-s.detach()).exp().item()
            for task, s in self.log_variances.items()
        }

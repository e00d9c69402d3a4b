"""FAMO: weights that let the logarithms of all losses fall at the same rate."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from modeling_hybrid_mtl import TaskConfig
from trainer.objective.loss_weights.adam import AdamState
from trainer.objective.loss_weights.base import EPSILON, LossBalancer, StepMeasurements
from trainer.options import option
from trainer.registry import LOSS_WEIGHTS


@dataclass
class FamoOptions:
    """Options of FAMO."""

    famo_gamma: float = option(
        0.01,
        "Loss weights famo: gamma, decay of the logits of the tasks' shares.",
        group="objective",
        lowest=0,
        needs=("loss_weights", ("famo",)),
    )
    famo_learning_rate: float = option(
        0.025,
        "Loss weights famo: learning rate of the logits of the tasks' shares.",
        group="objective",
        lowest=0,
        needs=("loss_weights", ("famo",)),
    )


@LOSS_WEIGHTS.register("famo", options=FamoOptions)
class FAMO(LossBalancer):
    """Weights of fast adaptive multitask optimization (Liu et al. 2023).

    Algorithm 1 of https://arxiv.org/abs/2306.03792: with shares z = softmax(xi), a step descends
    the sum of `c * z_i * log(loss_i)`, so that a task's weight is `c * z_i / loss_i`. Then xi
    descends by `J^T d + gamma * xi`, where d is the decrease of the logarithms of the losses, each
    measured on the same batches before and after the step, and J the Jacobian of the softmax.

    As in the authors' code, Adam updates xi, and the losses after the step take another forward
    pass. Three details differ, since weights must be known before a step's first backward pass and
    be equal on all processes: the losses in the weights are those after the task's last step; all
    weights are 1 until every task has one; and c makes the sum of the weights K instead of 1. The
    decrease of tasks that are not part of a step counts as 0.

    Args:
        tasks: the trained tasks.
        config: its options.
    """

    needs_losses_after = True
    logits: Tensor

    def __init__(self, tasks: Mapping[str, TaskConfig], config: FamoOptions):
        super().__init__(tasks)
        size = len(self.tasks)
        self.adam = AdamState(size, config.famo_learning_rate, config.famo_gamma)
        self.register_buffer("logits", torch.zeros(size))

    def next_weights(self, step: StepMeasurements) -> Tensor:
        decrease = torch.log((step.losses + EPSILON) / (step.losses_after + EPSILON))
        decrease = torch.where(torch.isfinite(decrease), decrease, 0.0)
        shares = self.logits.softmax(dim=0)
        gradient = shares * (decrease - shares @ decrease)
        self.adam.update(self.logits, gradient, step.skipped)
        weights = self.logits.softmax(dim=0) / (self.losses + EPSILON)
        weights = len(weights) * weights / weights.sum()
        return torch.where(torch.isfinite(weights).all(), weights, self.weights)

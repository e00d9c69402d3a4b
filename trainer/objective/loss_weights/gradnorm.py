"""GradNorm: weights that balance the norms of the tasks' gradients."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from modeling_hybrid_mtl import TaskConfig
from trainer.objective.loss_weights.adam import AdamState
from trainer.objective.loss_weights.base import (
    EPSILON,
    LossBalancer,
    StepMeasurements,
    latest,
)
from trainer.options import option
from trainer.registry import LOSS_WEIGHTS

# Adam may step below 0; a weight of 0 would stop its task for good.
LOWEST = 1e-3


@dataclass
class GradNormOptions:
    """Options of GradNorm."""

    gradnorm_alpha: float = option(
        1.5,
        "Loss weights gradnorm: alpha, how much larger the gradients of tasks become whose loss "
        "falls slowly; 0: gradients of equal norms.",
        group="objective",
        lowest=0,
        needs=("loss_weights", ("gradnorm",)),
    )
    gradnorm_learning_rate: float = option(
        0.025,
        "Loss weights gradnorm: learning rate of the weights.",
        group="objective",
        lowest=0,
        needs=("loss_weights", ("gradnorm",)),
    )


@LOSS_WEIGHTS.register("gradnorm", options=GradNormOptions)
class GradNorm(LossBalancer):
    """Weights learned so that all tasks train at similar rates (Chen et al. 2018).

    Equations 1 and 2 of https://arxiv.org/abs/1711.02257: let G_i be the norm of the gradient of
    the weighted loss, and r_i the loss relative to the task's first, divided by the mean of this
    over tasks. The weights descend the sum of `|G_i - mean(G) * r_i**alpha|`, in which the second
    term is constant, and are then scaled to the sum K.

    The paper measures G at the last shared layer; here it is the norm on all shared parameters.
    Weights are updated by Adam and are at least 0.001 before scaling. For tasks that are not part
    of a step, the latest measurements are used; there is no update before all tasks have some.

    Args:
        tasks: the trained tasks.
        config: its options.
    """

    needs_shared_norms = True
    first_losses: Tensor
    norms: Tensor

    def __init__(self, tasks: Mapping[str, TaskConfig], config: GradNormOptions):
        super().__init__(tasks)
        self.alpha = config.gradnorm_alpha
        self.adam = AdamState(len(self.tasks), config.gradnorm_learning_rate)
        self.register_buffer("first_losses", torch.full_like(self.losses, torch.nan))
        # Of the gradients before weighting, the latest of each task.
        self.register_buffer("norms", torch.full_like(self.losses, torch.nan))

    def next_weights(self, step: StepMeasurements) -> Tensor:
        is_first = torch.isnan(self.first_losses)
        self.first_losses.copy_(torch.where(is_first, self.losses, self.first_losses))
        self.norms.copy_(latest(self.norms, step.norms / self.weights, step.skipped))
        ratios = self.losses / (self.first_losses + EPSILON)
        weighted = self.weights * self.norms
        targets = weighted.mean() * (ratios / ratios.mean()) ** self.alpha
        gradient = torch.sign(weighted - targets) * self.norms
        skip = (step.skipped > 0) | ~torch.isfinite(gradient).all()
        weights = self.weights.clone()
        self.adam.update(weights, gradient, skip)
        weights = weights.clamp(min=LOWEST)
        return torch.where(skip, self.weights, len(weights) * weights / weights.sum())

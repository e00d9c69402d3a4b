"""Dynamic weight averaging: larger weights for losses that fall slowly."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from modeling_hybrid_mtl import TaskConfig
from trainer.errors import InputError
from trainer.objective.loss_weights.base import EPSILON, LossBalancer, StepMeasurements
from trainer.options import option
from trainer.registry import LOSS_WEIGHTS


@dataclass
class DwaOptions:
    """Options of dynamic weight averaging."""

    dwa_temperature: float = option(
        2.0,
        "Loss weights dwa: temperature of the softmax; the higher, the more equal the weights.",
        group="objective",
        needs=("loss_weights", ("dwa",)),
    )
    dwa_period: int = option(
        100,
        "Loss weights dwa: optimizer steps over which losses are averaged, an epoch in the paper; "
        "weights change after each period from the second on.",
        group="objective",
        lowest=1,
        needs=("loss_weights", ("dwa",)),
    )


@LOSS_WEIGHTS.register("dwa", options=DwaOptions)
class DynamicWeightAverage(LossBalancer):
    """Weights from the ratio of a task's mean losses in the last two periods (Liu et al. 2019).

    Equation 7 of https://arxiv.org/abs/1803.10704: the weights are K times the softmax of
    `ratio_i / temperature`. A period is a number of optimizer steps instead of an epoch, so that
    short runs have several. A task without a batch in one of the two periods has the ratio 1.

    Args:
        tasks: the trained tasks.
        config: its options.

    Raises:
        InputError: if the temperature is not above 0.
    """

    sums: Tensor
    counts: Tensor
    last_means: Tensor

    def __init__(self, tasks: Mapping[str, TaskConfig], config: DwaOptions):
        super().__init__(tasks)
        if not 0 < config.dwa_temperature < float("inf"):
            raise InputError(
                f"dwa_temperature = {config.dwa_temperature}: must be a number above 0"
            )
        self.temperature = config.dwa_temperature
        self.period = config.dwa_period
        # Of the current period, and the means of the last one.
        self.register_buffer("sums", torch.zeros_like(self.losses))
        self.register_buffer("counts", torch.zeros_like(self.losses))
        self.register_buffer("last_means", torch.full_like(self.losses, torch.nan))

    def update(self, step: StepMeasurements) -> None:
        super().update(step)
        if step.number % self.period == 0:
            self._end_period()

    def next_weights(self, step: StepMeasurements) -> Tensor:
        measured = torch.isfinite(step.losses) & (step.skipped == 0)
        self.sums += torch.where(measured, step.losses, 0.0)
        self.counts += measured
        return self.weights

    @torch.no_grad()
    def _end_period(self) -> None:
        means = self.sums / self.counts  # NaN without a batch
        ratios = means / (self.last_means + EPSILON)
        ratios = torch.where(torch.isfinite(ratios), ratios, 1.0)
        self.weights.copy_(len(ratios) * (ratios / self.temperature).softmax(dim=0))
        self.last_means.copy_(means)
        self.sums.zero_()
        self.counts.zero_()

"""Aggregators that solve a problem of their own for the weights."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.objective.aggregators.base import GramianAggregator


class SolverAggregator(GramianAggregator):
    """An aggregator whose solver sees finite gradients of mean square length one, and more than
    one.

    Attributes:
        degree: with a Gramian s times as large, its weights are s**degree times as large.
    """

    degree = 0.0

    @abstractmethod
    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        """The weights (K,) for a Gramian (K, K) on the CPU of mean diagonal one, or of zeros."""

    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        # With nothing to weigh against, some methods would still rescale the gradient.
        if len(tasks) == 1:
            return list(gradients[0])
        return super().combine(gradients, tasks, gramian)

    def weights(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        # Solvers stop on such numbers, or keep them in their state; with a plain sum the gradient
        # would not be finite either, and whoever scales losses knows that sign.
        if not gramian.isfinite().all():
            return torch.full_like(gramian[0], torch.nan)
        # Solvers call small what is below fixed numbers: CAGrad would make a step of zero where
        # gradients are shorter than 0.01. So all see gradients whose mean square length is one.
        size = gramian.diagonal().mean()
        if size == 0:
            return self.solve(gramian, tasks)
        return self.solve(gramian / size, tasks) * size**self.degree

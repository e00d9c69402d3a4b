"""Base class of aggregators with a solver for the weights."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.objective.aggregators.base import GramianAggregator


class SolverAggregator(GramianAggregator):
    """An aggregator that solves for the weights of two or more finite, normalized gradients.

    Attributes:
        degree: scaling the Gramian by s scales the weights by s**degree.
    """

    degree = 0.0

    @abstractmethod
    def solve(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        """Return the weights (K,) for a CPU Gramian (K, K) with mean diagonal one or zero."""

    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        # Some methods would rescale a single gradient.
        if len(tasks) == 1:
            return list(gradients[0])
        return super().combine(gradients, tasks, gramian)

    def weights(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        # Solvers fail on these or store them in their state. The plain sum would not be finite
        # either, and the loss scaler handles that.
        if not gramian.isfinite().all():
            return torch.full_like(gramian[0], torch.nan)
        # Solvers have absolute thresholds: CAGrad would return zero for gradients shorter than
        # 0.01. So gradients are normalized to a mean square length of one.
        size = gramian.diagonal().mean()
        if size == 0:
            return self.solve(gramian, tasks)
        return self.solve(gramian / size, tasks) * size**self.degree

"""The sum of the tasks' gradients."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.objective.aggregators.base import Aggregator
from trainer.registry import AGGREGATORS


@AGGREGATORS.register("sum")
class Sum(Aggregator):
    """Adds the tasks' gradients in their order, like accumulation in `.grad`."""

    def combine(
        self, gradients: Sequence[Sequence[Tensor]], tasks: Sequence[str], gramian: Tensor
    ) -> list[Tensor]:
        total = list(gradients[0])
        for gradient in gradients[1:]:
            torch._foreach_add_(total, list(gradient))
        return total

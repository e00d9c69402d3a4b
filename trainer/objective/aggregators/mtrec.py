"""MTRec: removes the conflicts of auxiliary tasks with the main tasks."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from modeling_hybrid_mtl.attention_hybrid_mtl import to_device
from trainer.errors import InputError
from trainer.objective.aggregators.base import AggregatorOptions, GramianAggregator
from trainer.registry import AGGREGATORS


@AGGREGATORS.register("mtrec")
class MTRec(GramianAggregator):
    """Adds the auxiliary gradient to the main one after removing its conflict.

    Equations 1 and 2 of "MTRec: Multi-Task Learning over BERT for News Recommendation" (Bi et al.
    2022, https://aclanthology.org/2022.findings-acl.209): let `main` be the sum of the main tasks'
    gradients, and `auxiliary` lambda times the sum of the others'. If their dot product is
    negative, the component of `auxiliary` along `main` is removed. The result is their sum; in a
    step without a main task it is `auxiliary`, without an auxiliary task `main`.

    Raises:
        InputError: if a task is in neither group, a group is empty, or lambda is not above 0.
    """

    on_device = True

    def __init__(self, tasks: Sequence[str], options: AggregatorOptions):
        super().__init__(tasks, options)
        if not options.auxiliary_tasks:
            raise InputError(
                "auxiliary_tasks: aggregator 'mtrec' needs at least one; name the auxiliary tasks, "
                "or set auxiliary: true in their entries"
            )
        self.auxiliary = set(options.auxiliary_tasks)
        main = options.main_tasks
        self.main = set(tasks) - self.auxiliary if main is None else set(main)
        if not self.main:
            raise InputError("main_tasks: aggregator 'mtrec' needs at least one")
        missing = [task for task in tasks if task not in self.main | self.auxiliary]
        if missing:
            raise InputError(
                f"main_tasks: task '{missing[0]}' is neither main nor auxiliary, which aggregator "
                f"'mtrec' requires; add it to main_tasks or auxiliary_tasks"
            )
        scale = options.auxiliary_scale
        if not (math.isfinite(scale) and scale > 0):
            raise InputError(f"auxiliary_scale = {scale}: must be a number above 0")

    def weights(self, gramian: Tensor, tasks: Sequence[str]) -> Tensor:
        main = torch.tensor([task in self.main for task in tasks], dtype=gramian.dtype)
        main = to_device(main, gramian.device)
        auxiliary = self.options.auxiliary_scale * (1 - main)
        conflict = (auxiliary @ gramian @ main).clamp(max=0)
        # Below this threshold the main gradients cancel out up to rounding.
        limits = torch.finfo(gramian.dtype)
        threshold = limits.eps * (main @ gramian.diagonal()) + limits.tiny
        square = torch.maximum(main @ gramian @ main, threshold)
        return (1 - conflict / square) * main + auxiliary

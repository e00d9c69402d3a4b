"""R-Drop: two passes with different dropout masks, https://arxiv.org/abs/2106.14448."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from trainer.objective.regularizers.base import Regularizer
from trainer.objective.regularizers.divergence import divergence
from trainer.options import option
from trainer.registry import REGULARIZERS


@dataclass
class RDropOptions:
    """Options of R-Drop."""

    rdrop_weight: float = option(
        0.0,
        "R-Drop: weight of the divergence of two passes with different dropout, unless set for a "
        "task.",
        group="objective",
        card="changed",
    )


@REGULARIZERS.register("rdrop", options=RDropOptions)
class RDrop(Regularizer):
    """`weight / 2` times the divergence of two passes, plus half the difference of their losses.

    The paper trains on the sum of the losses of both passes (eq. 2-4). Here it is their mean, which
    does not change the scale of the loss. Without dropout the term is 0.

    Args:
        weight: alpha, for all tasks or by task.
    """

    citation = "rdrop"

    def weighted_term(
        self,
        weight: float,
        model: HybridMTLModel,
        task: str,
        batch: dict[str, Tensor],
        output: HybridMTLOutput,
    ) -> Tensor:
        first: Any = output
        second: Any = model(**batch, task=task)
        distance = divergence(model.config.task(task), first.logits, second.logits, batch["labels"])
        return (second.loss - first.loss) / 2 + weight / 2 * distance

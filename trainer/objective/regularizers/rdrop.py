"""R-Drop: two passes with dropout masks of their own, https://arxiv.org/abs/2106.14448."""

from typing import Any

from torch import Tensor

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from trainer.objective.regularizers.base import Regularizer
from trainer.objective.regularizers.divergence import divergence


class RDrop(Regularizer):
    """`weight / 2` times the divergence of two passes, and the second pass's half of the loss.

    The paper trains on the losses of both passes (eq. 2-4). Here the task's loss becomes their
    mean, so that learning rates keep their meaning: the term holds half the difference from the
    second pass's loss to the first's. Without dropout both passes are one, and the term is 0.

    Args:
        weight: alpha, for all tasks or by task.
    """

    def _weighted(
        self,
        weight: float,
        model: HybridMTLModel,
        task: str,
        batch: dict[str, Tensor],
        output: HybridMTLOutput,
    ) -> Tensor:
        first: Any = output
        second: Any = model(**batch, task=task)
        apart = divergence(model.config.task(task), first.logits, second.logits, batch["labels"])
        return (second.loss - first.loss) / 2 + weight / 2 * apart

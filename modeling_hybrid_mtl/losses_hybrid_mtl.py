"""The losses of heads, by name: functions of a head, its logits and the labels."""

from typing import Any

from torch import Tensor
from torch.nn import functional

from .registry_hybrid_mtl import LOSSES

IGNORED_LABEL = -100


@LOSSES.register("cross_entropy")
def cross_entropy(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy over classes, the mean over rows or, for tags, over the labelled tokens.

    Args:
        head: says how much of the target is spread over all classes.
        logits: (B, C), or (B, L, C).
        labels: class indices, (B,), or (B, L) with -100 for what does not count.
    """
    smoothing = head.smoothing
    if logits.ndim == 2:
        return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
    flat = labels.reshape(-1)
    total = functional.cross_entropy(
        logits.float().flatten(0, 1),
        flat,
        ignore_index=IGNORED_LABEL,
        reduction="sum",
        label_smoothing=smoothing,
    )
    # A batch without a single labelled token has a loss of zero, not 0/0.
    return total / (flat != IGNORED_LABEL).sum().clamp(min=1)


@LOSSES.register("squared_error")
def squared_error(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """The mean squared difference of scores (B,)."""
    return functional.mse_loss(logits.float(), labels.float())


@LOSSES.register("correlation")
def correlation(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """`correlation_loss` of a batch of scores (B,)."""
    return correlation_loss(logits.float(), labels.float())


def correlation_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """1 - Pearson's r over a batch (B,), a scalar from 0 to 2.

    It teaches the order and the spacing of the scores, not their place in the range. Where all
    scores or all labels are the same, r counts as 0.
    """
    scores, labels = scores - scores.mean(), labels - labels.mean()
    return 1 - functional.cosine_similarity(scores, labels, dim=0, eps=1e-6)


@LOSSES.register("cosine_embedding")
def cosine_embedding(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """1 - cos for pairs that are alike and max(0, cos) for others, as CosineEmbeddingLoss has it.

    Each counts in proportion to the label's place in the task's range.
    """
    low, high = head.task.score_range
    bottom, top = head.task.cosine_range
    cosine = bottom + (top - bottom) * (logits.float() - low) / (high - low)
    alike = (labels.float() - low) / (high - low)
    return (alike * (1 - cosine) + (1 - alike) * cosine.clamp(min=0)).mean()

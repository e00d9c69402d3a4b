"""The losses of heads, by name: functions of a head, its logits and the labels.

A loss registered with `reads_vectors` gets the vectors of each pair, (B, 2, D), instead of logits.
"""

from typing import Any

from torch import Tensor
from torch.nn import functional

from .registry_hybrid_mtl import LOSSES

IGNORED_LABEL = -100


class LossError(ValueError):
    """A loss is not a scalar that depends on the logits."""


@LOSSES.register("cross_entropy")
def cross_entropy(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy, averaged over rows or, for tags, over labeled tokens.

    Args:
        head: provides the label smoothing.
        logits: (B, C), or (B, L, C).
        labels: class indices, (B,), or (B, L) with -100 for ignored tokens.
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
    # The loss of a batch without labeled tokens is 0, not 0/0.
    return total / (flat != IGNORED_LABEL).sum().clamp(min=1)


@LOSSES.register("squared_error")
def squared_error(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean squared error of scores (B,)."""
    return functional.mse_loss(logits.float(), labels.float())


@LOSSES.register("correlation")
def correlation(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the `correlation_loss` of scores (B,)."""
    return correlation_loss(logits.float(), labels.float())


def correlation_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return 1 - Pearson's r over a batch (B,), a scalar from 0 to 2.

    The loss is invariant to the location and scale of the scores. If all scores or all labels are
    equal, r is 0.
    """
    scores, labels = scores - scores.mean(), labels - labels.mean()
    return 1 - functional.cosine_similarity(scores, labels, dim=0, eps=1e-6)


@LOSSES.register("cosine_embedding")
def cosine_embedding(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean of 1 - cos for similar and max(0, cos) for dissimilar pairs.

    As `CosineEmbeddingLoss`, with both terms weighted by the label's position in the score range.
    """
    low, high = head.task.score_range
    cosine = cosine_of(head, logits)
    similarity = (labels.float() - low) / (high - low)
    return (similarity * (1 - cosine) + (1 - similarity) * cosine.clamp(min=0)).mean()


def cosine_of(head: Any, scores: Tensor) -> Tensor:
    """Return the cosines of which a similarity head's scores are a linear function, (B,)."""
    low, high = head.task.score_range
    bottom, top = head.task.cosine_range
    return bottom + (top - bottom) * (scores.float() - low) / (high - low)

"""The losses of heads, by name: functions of a head, its logits and the labels.

They return a value for each label, in the shape of the labels: (B,), (B, L) for tags or (B, C) for
multi-label tasks. A loss of a whole batch, such as one minus a correlation, returns a scalar.
A loss registered with `reads_vectors` gets the vectors of each pair, (B, 2, D), instead of logits.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .registry_hybrid_mtl import LOSSES

IGNORED_LABEL = -100


class LossError(ValueError):
    """A loss has a wrong shape, or does not depend on the logits."""


def reduce_loss(losses: Any, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of the losses of labels times their weights, a scalar.

    Weights are not divided by their sum over the batch, unlike in PyTorch's weighted cross-entropy:
    so the gradient of several batches is the same as that of one large batch. Integer labels of
    -100 are left out; the loss of a batch without others is 0, not 0/0.

    Args:
        losses: as returned by an entry of `LOSSES`.
        labels: (B,), (B, L) or (B, C).
        weights: of the same shape, or one for each row, (B,); if None, all are 1.

    Raises:
        LossError: for other shapes, or weights of labels whose losses are a scalar.
    """
    shape = tuple(losses.shape) if isinstance(losses, Tensor) else None
    if shape not in {(), tuple(labels.shape), tuple(labels.shape[:1])}:
        found = f"{losses!r}" if shape is None else f"shape {shape}"
        raise LossError(
            f"expected a tensor with a value for each label, {tuple(labels.shape)}, for each row "
            f"or for the batch, got {found}"
        )
    if weights is not None:
        if losses.dim() < weights.dim():
            raise LossError(
                "has one value for several labels, which cannot be weighted; unset class_weights "
                "and columns.weight, or use another loss"
            )
        losses = losses * weights.reshape(*weights.shape, *[1] * (losses.dim() - weights.dim()))
    if losses.shape == labels.shape and not labels.is_floating_point():
        labeled = labels != IGNORED_LABEL
        return torch.where(labeled, losses, 0).sum() / labeled.sum().clamp(min=1)
    return losses.mean()


@LOSSES.register("cross_entropy")
def cross_entropy(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each label.

    Args:
        head: provides the label smoothing.
        logits: (B, C), or (B, L, C).
        labels: class indices, (B,), or (B, L) with -100 for ignored tokens; or a probability of
            each class, (B, C), with one loss for each row.
    """
    if labels.is_floating_point():
        return functional.cross_entropy(
            logits.float(), labels, reduction="none", label_smoothing=head.smoothing
        )
    losses = functional.cross_entropy(
        logits.float().flatten(0, -2),
        labels.flatten(),
        ignore_index=IGNORED_LABEL,
        reduction="none",
        label_smoothing=head.smoothing,
    )
    return losses.view(labels.shape)


@LOSSES.register("focal")
def focal(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the focal loss of each label, (1 - p_t)^gamma times -log p_t.

    It reduces the loss of labels with a high probability p_t (Lin et al., arXiv:1708.02002, eq. 4);
    with class weights it is their eq. 5.

    Args:
        head: provides `focal_gamma`, and the kind's default loss, -log p_t.
        logits: as for that loss.
        labels: as for that loss.
    """
    losses = LOSSES[head.losses[0]](head, logits, labels)
    # Of a loss of 0, a power below 1 has an infinite slope.
    wrong = (-torch.expm1(-losses)).clamp(min=torch.finfo(losses.dtype).tiny)
    return wrong**head.task.focal_gamma * losses


@LOSSES.register("squared_error")
def squared_error(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the squared errors of scores (B,)."""
    return (logits.float() - labels.float()).square()


@LOSSES.register("correlation", of_batch=True)
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
    """Return 1 - cos for similar and max(0, cos) for dissimilar pairs, (B,).

    As `CosineEmbeddingLoss`, with both terms weighted by the label's position in the score range.
    """
    low, high = head.task.score_range
    cosine = cosine_of(head, logits)
    similarity = (labels.float() - low) / (high - low)
    return similarity * (1 - cosine) + (1 - similarity) * cosine.clamp(min=0)


def cosine_of(head: Any, scores: Tensor) -> Tensor:
    """Return the cosines of which a similarity head's scores are a linear function, (B,)."""
    low, high = head.task.score_range
    bottom, top = head.task.cosine_range
    return bottom + (top - bottom) * (scores.float() - low) / (high - low)

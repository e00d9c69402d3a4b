"""Divergence of two predictions for a batch: `l_s` of SMART (arXiv:1911.03437, section 3.1).

All functions are differentiable in both arguments and compute in float32.
"""

from typing import Any

from torch import Tensor

from modeling_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.losses_hybrid_mtl import IGNORED_LABEL


def symmetric_kl(first: Tensor, second: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return `KL(p || q) + KL(q || p)` averaged over predictions, a scalar.

    Args:
        first: logits of p, (..., C).
        second: logits of q, (..., C).
        mask: True for the predictions to include, (...), all if None; the result is 0 for none.
    """
    log_p = first.float().log_softmax(dim=-1)
    log_q = second.float().log_softmax(dim=-1)
    # One product instead of two sums, which for nearly equal p and q would be lost in rounding;
    # its factors are small and no entry is negative.
    values = ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(dim=-1)
    if mask is None:
        return values.mean()
    return (values * mask).sum() / mask.sum().clamp(min=1)


def symmetric_binary_kl(first: Tensor, second: Tensor) -> Tensor:
    """Return `KL(p || q) + KL(q || p)` of each class alone, averaged like their loss, a scalar.

    Args:
        first: logits of p, (B, C).
        second: logits of q, (B, C).
    """
    # For two outcomes the sum is (p - q) (logit p - logit q); see `symmetric_kl` for its rounding.
    first, second = first.float(), second.float()
    return ((first.sigmoid() - second.sigmoid()) * (first - second)).mean()


def squared_error(first: Tensor, second: Tensor, low: float, high: float) -> Tensor:
    """Return the mean squared difference of scores (B,) in units of high - low, a scalar.

    So the same weight suits scores from 0 to 5 and from 0 to 1.
    """
    return ((first.float() - second.float()) / (high - low)).square().mean()


def divergence(task: TaskConfig, first: Tensor, second: Tensor, labels: Tensor) -> Tensor:
    """Return the divergence for a task's kind, a scalar.

    Args:
        task: the task's configuration.
        first: logits of `HybridMTLOutput`.
        second: logits of the same shape.
        labels: the batch's labels, which determine the tokens of token classification to include.
    """
    if task.reads_words:
        return symmetric_kl(first, second, labels != IGNORED_LABEL)
    if task.output_type == "labels":
        return symmetric_binary_kl(first, second)
    if task.has_labels:
        return symmetric_kl(first, second)
    score_range: Any = task.score_range
    return squared_error(first, second, *score_range)

"""How far two predictions for one batch are apart: `l_s` of SMART (arXiv:1911.03437, section 3.1).

Both arguments of every function may carry gradients; all is computed in float32.
"""

from typing import Any

from torch import Tensor

from modeling_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.losses_hybrid_mtl import IGNORED_LABEL


def symmetric_kl(first: Tensor, second: Tensor, mask: Tensor | None = None) -> Tensor:
    """`KL(p || q) + KL(q || p)` of two sets of logits, a mean over predictions.

    Args:
        first: logits of p, (..., C).
        second: logits of q, (..., C).
        mask: True for the predictions that count, (...); all when left out.

    Returns:
        A scalar; 0 if no prediction counts.
    """
    log_p = first.float().log_softmax(dim=-1)
    log_q = second.float().log_softmax(dim=-1)
    # One product instead of two sums: for nearly equal p and q, either sum alone is lost in
    # rounding, while here both factors are small and no entry is below zero.
    apart = ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(dim=-1)
    if mask is None:
        return apart.mean()
    return (apart * mask).sum() / mask.sum().clamp(min=1)


def squared_error(first: Tensor, second: Tensor, low: float, high: float) -> Tensor:
    """Mean squared difference of scores (B,) from low to high, in units of high - low, a scalar.

    A task scored from 0 to 5 and one scored from 0 to 1 so take the same weight.
    """
    return ((first.float() - second.float()) / (high - low)).square().mean()


def divergence(task: TaskConfig, first: Tensor, second: Tensor, labels: Tensor) -> Tensor:
    """The divergence that suits a task's kind, a scalar.

    Args:
        task: the task's configuration.
        first: logits as `HybridMTLOutput` describes them.
        second: logits of the same shape.
        labels: the batch's labels; they say which tokens count in token classification.
    """
    if task.reads_words:
        return symmetric_kl(first, second, labels != IGNORED_LABEL)
    if task.has_labels:
        return symmetric_kl(first, second)
    ends: Any = task.score_range
    return squared_error(first, second, *ends)

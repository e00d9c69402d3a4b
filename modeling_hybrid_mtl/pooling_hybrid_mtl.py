"""Pooling of token vectors: the model's, and the attention pooling of a task."""

import torch
from torch import Tensor, nn

# A task's pooling: the model's, or its own.
TASK_POOLINGS = ("shared", "attention")


def pool(hidden: Tensor, attention_mask: Tensor | None, pooling: str) -> Tensor:
    """Return sentence vectors (B, H) of token vectors (B, L, H), as their mean or the first.

    The mask, (B, L), selects the tokens of the mean.
    """
    if pooling == "cls":
        return hidden[:, 0]
    if attention_mask is None:
        return hidden.mean(dim=1)
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


class AttentionPooling(nn.Module):
    """A weighted mean of token vectors; one or several learned queries define the weights.

    Head i of N computes weights from whole token vectors and averages the i-th of N equal slices of
    them, as in multi-head attention. Its softmax is over the tokens of a text. With the small
    initial queries, the result is nearly the mean.

    Args:
        hidden_size: width of token vectors, a multiple of `heads`.
        heads: the number of queries.
    """

    def __init__(self, hidden_size: int, heads: int):
        super().__init__()
        self.heads = heads
        self.queries = nn.Linear(hidden_size, heads, bias=False)

    def forward(self, hidden: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Return sentence vectors (B, H) of token vectors (B, L, H) with a mask (B, L)."""
        scores = self.queries(hidden).float()
        if attention_mask is not None:
            # Finite, so that a row of padding yields no NaN.
            padding = attention_mask.unsqueeze(-1) == 0
            scores = scores.masked_fill(padding, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=1).to(hidden.dtype).transpose(1, 2).unsqueeze(2)
        slices = hidden.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        # (B, heads, 1, L) @ (B, heads, L, H / heads)
        return (weights @ slices).flatten(1)

"""Task heads: from sentence or token vectors to logits, loss and answers."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configuration_hybrid_mtl import TaskConfig

IGNORED_LABEL = -100
_ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


def _layers(widths: list[int], task: TaskConfig) -> nn.Sequential:
    """Dropout and linear layers of the given widths, with activations between them."""
    layers: list[nn.Module] = []
    for index, (width_in, width_out) in enumerate(pairwise(widths)):
        if index > 0:
            layers.append(_ACTIVATIONS[task.activation]())
        layers += [nn.Dropout(task.dropout), nn.Linear(width_in, width_out)]
    return nn.Sequential(*layers)


_PAIR_FEATURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "u": lambda u, v: u,
    "v": lambda u, v: v,
    "difference": lambda u, v: (u - v).abs(),
    "product": lambda u, v: u * v,
}


class TaskHead(nn.Module):
    """What every head offers; `forward(u, v)` takes sentence vectors (B, H) and gives logits."""

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__()
        # Its kind decides which of its fields are None.
        self.task: Any = task
        self.feature_size = hidden_size * len(task.pair_features or ["u"])

    def features(self, u: Tensor, v: Tensor | None) -> Tensor:
        """What the head reads: `[u; v; |u-v|; u*v]` or some of it (B, nH), or `u` itself (B, H)."""
        if v is None:
            return u
        return torch.cat([_PAIR_FEATURES[name](u, v) for name in self.task.pair_features], dim=-1)

    @property
    def smoothing(self) -> float:
        """The task's label smoothing while it is trained; none when it is measured."""
        return self.task.label_smoothing if self.training else 0.0

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The batch mean of the task's loss, a scalar."""
        raise TypeError(f"{type(self).__name__} defines no loss")

    def answers(self, logits: Tensor) -> Tensor:
        """Probabilities over classes (..., C), or scores (B,) within the task's range."""
        return logits.float().softmax(dim=-1)


class ClassificationHead(TaskHead):
    """Logits over classes, (B, C), trained by cross-entropy."""

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.layers = _layers([self.feature_size, *task.hidden_sizes, len(self.task.labels)], task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        return self.layers(self.features(u, v))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(logits.float(), labels, label_smoothing=self.smoothing)


class TokenClassificationHead(TaskHead):
    """Logits over classes for every token, (B, L, C); labels of -100 do not count."""

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.layers = _layers([hidden_size, *task.hidden_sizes, len(self.task.labels)], task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        return self.layers(u)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        flat = labels.reshape(-1)
        total = functional.cross_entropy(
            logits.float().flatten(0, 1),
            flat,
            ignore_index=IGNORED_LABEL,
            reduction="sum",
            label_smoothing=self.smoothing,
        )
        # A batch without a single labelled token has a loss of zero, not 0/0.
        return total / (flat != IGNORED_LABEL).sum().clamp(min=1)


class _ScoreHead(TaskHead):
    """A score (B,) in units of the task's range, trained by squared error or by correlation."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.task.loss == "correlation":
            return correlation_loss(logits.float(), labels.float())
        return functional.mse_loss(logits.float(), labels.float())

    def answers(self, logits: Tensor) -> Tensor:
        return logits.float().clamp(*self.task.score_range)


def correlation_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """1 - Pearson's r over a batch (B,), a scalar from 0 to 2.

    It teaches the order and the spacing of the scores, not their place in the range. Where all
    scores or all labels are the same, r counts as 0.
    """
    scores, labels = scores - scores.mean(), labels - labels.mean()
    return 1 - functional.cosine_similarity(scores, labels, dim=0, eps=1e-6)


class RegressionHead(_ScoreHead):
    """A linear score; an output of 0 stands for the middle of the range."""

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.layers = _layers([self.feature_size, *task.hidden_sizes, 1], task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        low, high = self.task.score_range
        output = self.layers(self.features(u, v)).squeeze(-1).float()
        return (low + high) / 2 + (high - low) * output


class SimilarityHead(_ScoreHead):
    """The cosine of two sentence vectors, mapped to the score range and trained directly.

    With `hidden_sizes` both vectors first pass through the same layers; without, the head has no
    parameters of its own.
    """

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        sizes = [hidden_size, *task.hidden_sizes]
        self.layers = _layers(sizes, task) if task.hidden_sizes else nn.Dropout(task.dropout)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        cosine = functional.cosine_similarity(self.layers(u).float(), self.layers(v).float())
        low, high = self.task.score_range
        bottom, top = self.task.cosine_range
        return low + (high - low) * (cosine - bottom) / (top - bottom)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.task.loss != "cosine_embedding":
            return super().loss(logits, labels)
        low, high = self.task.score_range
        bottom, top = self.task.cosine_range
        cosine = bottom + (top - bottom) * (logits.float() - low) / (high - low)
        alike = (labels.float() - low) / (high - low)
        # torch's CosineEmbeddingLoss for pairs that are alike (1 - cos) and for those that are not
        # (max(0, cos)), each in proportion to the label's place in the range.
        return (alike * (1 - cosine) + (1 - alike) * cosine.clamp(min=0)).mean()


HEADS: dict[str, type[TaskHead]] = {
    "classification": ClassificationHead,
    "regression": RegressionHead,
    "similarity": SimilarityHead,
    "token_classification": TokenClassificationHead,
}

"""Task heads, one class for each kind of task: all that a kind is stands in its class."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .losses_hybrid_mtl import LOSSES
from .registry_hybrid_mtl import HEADS
from .task_config_hybrid_mtl import PAIR_FEATURES, Refuse, TaskConfig, check_range

_ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


def layers_of(widths: list[int], task: TaskConfig) -> nn.Sequential:
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
    """What every head offers; `forward(u, v)` takes sentence vectors (B, H) and gives logits.

    A kind of task is a class derived from this one and registered in `HEADS`. What follows from a
    kind elsewhere (data, metrics, pipeline, card, export, page) is read off these attributes.

    Attributes:
        answer: `class` (labels are classes, logits (B, C)), `tags` (a class for every token, logits
            (B, L, C) from token vectors) or `score` (labels are numbers, logits (B,)).
        inputs: the inputs that it takes, `single`, `pair` or both.
        reads: those of the fields `pair_features` and `cosine_range` that it reads.
        losses: the names of its losses, the default first.
        metrics: the names of its metrics, the one that stands for a task first.
        standard: the standard pipeline that gives its answers.
        hub_task: what the Hub calls such a task.
    """

    output_type = "class"
    inputs: tuple[str, ...] = ("single", "pair")
    reads: tuple[str, ...] = ("pair_features",)
    losses: tuple[str, ...] = ("cross_entropy",)
    metrics: tuple[str, ...] = ("accuracy", "f1")
    standard = "text-classification"
    hub_task = "text-classification"

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__()
        # Its kind decides which of its fields are None.
        self.task: Any = task
        self.feature_size = hidden_size * len(task.pair_features or ["u"])
        own = HEADS.entry(task.kind).options
        self.options: Any = None if own is None else own(**task.head_options)

    @classmethod
    def complete(cls, task: TaskConfig) -> None:
        """Fill in the defaults of a task of this kind."""
        if task.is_siamese and "pair_features" in cls.reads and task.pair_features is None:
            task.pair_features = list(PAIR_FEATURES)
        if task.loss is None:
            task.loss = cls.losses[0]

    @classmethod
    def check(cls, task: TaskConfig, refuse: Refuse) -> None:
        """Check what this kind alone asks of a task.

        Args:
            task: the task, its fields checked each by itself.
            refuse: to be called with a field's name and what is wrong with it; raises ValueError.
        """

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
        return LOSSES[self.task.loss](self, logits, labels)

    def postprocess(self, logits: Tensor) -> Tensor:
        """Probabilities over classes (..., C), or scores (B,) within the task's range."""
        if self.output_type == "score":
            return logits.float().clamp(*self.task.score_range)
        return logits.float().softmax(dim=-1)


@torch.no_grad()
def initialize_head(head: TaskHead, hidden_size: int) -> None:
    """Give what a head holds besides linear layers the values that its class gives it.

    transformers makes a model without values, and knows those of linear layers only.
    """
    linear = [name for name, module in head.named_modules() if isinstance(module, nn.Linear)]
    tensors = [*head.named_parameters(), *head.named_buffers()]
    new = {
        name: tensor
        for name, tensor in tensors
        if name.rpartition(".")[0] not in linear
        and not getattr(tensor, "_is_hf_initialized", False)
    }
    if new:
        fresh = type(head)(hidden_size, head.task)
        values = {**dict(fresh.named_parameters()), **dict(fresh.named_buffers())}
        for name, tensor in new.items():
            tensor.copy_(values[name])


@HEADS.register("classification")
class ClassificationHead(TaskHead):
    """Logits over classes, (B, C)."""

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        widths = [self.feature_size, *task.hidden_sizes, len(self.task.labels)]
        self.layers = layers_of(widths, task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        return self.layers(self.features(u, v))


@HEADS.register("token_classification")
class TokenClassificationHead(TaskHead):
    """Logits over classes for every token, (B, L, C); labels of -100 do not count."""

    output_type = "tags"
    inputs = ("single",)
    standard = hub_task = "token-classification"

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.layers = layers_of([hidden_size, *task.hidden_sizes, len(self.task.labels)], task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        return self.layers(u)


class ScoreHead(TaskHead):
    """A score (B,) in units of the task's range."""

    output_type = "score"
    losses: tuple[str, ...] = ("squared_error", "correlation")
    metrics = ("pearson", "spearman")
    standard = "sentence-similarity"


@HEADS.register("similarity")
class SimilarityHead(ScoreHead):
    """The cosine of two sentence vectors, mapped to the score range and trained directly.

    With `hidden_sizes` both vectors first pass through the same layers; without, the head has no
    parameters of its own.
    """

    reads = ("cosine_range",)
    losses = ("squared_error", "cosine_embedding", "correlation")
    hub_task = "sentence-similarity"

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        sizes = [hidden_size, *task.hidden_sizes]
        self.layers = layers_of(sizes, task) if task.hidden_sizes else nn.Dropout(task.dropout)

    @classmethod
    def complete(cls, task: TaskConfig) -> None:
        super().complete(task)
        if task.cosine_range is None:
            task.cosine_range = [0.0, 1.0]

    @classmethod
    def check(cls, task: TaskConfig, refuse: Refuse) -> None:
        if not task.is_siamese:
            why = "a cosine needs input 'pair' and pair_encoding 'siamese'; use 'regression'"
            refuse("kind", why)
        check_range(task, "cosine_range", refuse)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        cosine = functional.cosine_similarity(self.layers(u).float(), self.layers(v).float())
        low, high = self.task.score_range
        bottom, top = self.task.cosine_range
        return low + (high - low) * (cosine - bottom) / (top - bottom)


@HEADS.register("regression")
class RegressionHead(ScoreHead):
    """A linear score; an output of 0 stands for the middle of the range."""

    hub_task = "regression"  # for which the Hub has no word

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.layers = layers_of([self.feature_size, *task.hidden_sizes, 1], task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        low, high = self.task.score_range
        output = self.layers(self.features(u, v)).squeeze(-1).float()
        return (low + high) / 2 + (high - low) * output

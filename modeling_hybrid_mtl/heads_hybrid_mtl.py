"""Task heads: one class per kind of task, which defines all properties of the kind."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .calibration_hybrid_mtl import CalibrationMixin
from .losses_hybrid_mtl import LOSSES, reduce_loss
from .normalization_hybrid_mtl import BatchNorm, normalization_layers
from .pair_memory_hybrid_mtl import PairMemory
from .pooling_hybrid_mtl import AttentionPooling
from .registry_hybrid_mtl import HEADS
from .task_config_hybrid_mtl import TaskConfig
from .task_fields_hybrid_mtl import PAIR_FEATURES, Refuse, check_range

ACTIVATION_LAYERS = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


def build_layers(widths: list[int], task: TaskConfig) -> nn.Sequential:
    """Return dropout and linear layers of the given widths, with activations in between.

    The task's normalization precedes each activation. If there is none, it is the first layer. Its
    layers are named as transformers expects of those without weight decay.
    """
    layers: list[nn.Module] = []
    if len(widths) <= 2:
        layers += normalization_layers(task.normalization, widths[0])
    for index, (width_in, width_out) in enumerate(pairwise(widths)):
        if index > 0:
            layers += normalization_layers(task.normalization, width_in)
            layers.append(ACTIVATION_LAYERS[task.activation]())
        layers += [nn.Dropout(task.dropout), nn.Linear(width_in, width_out)]
    is_norm = (nn.LayerNorm, BatchNorm)
    names = [f"{i}_norm" if isinstance(x, is_norm) else str(i) for i, x in enumerate(layers)]
    return nn.Sequential(OrderedDict(zip(names, layers, strict=True)))


_PAIR_FEATURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "u": lambda u, v: u,
    "v": lambda u, v: v,
    "difference": lambda u, v: (u - v).abs(),
    "product": lambda u, v: u * v,
}


class TaskHead(CalibrationMixin, nn.Module):
    """Base class of heads; `forward(u, v)` maps sentence vectors (B, H) to logits.

    Register a subclass in `HEADS` to add a kind of task. Data, metrics, pipeline, card, export and
    app use these attributes.

    Attributes:
        output_type: `class` (class labels, logits (B, C)), `labels` (any number of classes, labels
            and logits (B, C)), `tags` (a class per token, logits (B, L, C) from token vectors) or
            `score` (numeric labels, logits (B,)).
        inputs: the supported inputs, `single`, `pair` or both.
        reads: which of the fields `pair_features`, `cosine_range`, `label_smoothing` and
            `thresholds` apply.
        losses: the names of the losses, the default first.
        label_type: what labels are, if not outputs of that type: `match` for 1 (the texts of a pair
            belong together) or 0.
        needs_labels: whether rows need a column of labels; without one, each is a match.
        metrics: the names of the metrics, the main one first.
        standard: the name of the standard pipeline with such outputs.
        hub_task: the Hub's name of such a task.
    """

    output_type = "class"
    label_type: str | None = None
    needs_labels = True
    inputs: tuple[str, ...] = ("single", "pair")
    reads: tuple[str, ...] = ("pair_features", "label_smoothing")
    losses: tuple[str, ...] = ("cross_entropy", "focal")
    metrics: tuple[str, ...] = ("accuracy", "f1")
    standard = "text-classification"
    hub_task = "text-classification"

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__()
        self.task: Any = task  # Any: which fields are None depends on the kind
        self.hidden_size = hidden_size
        # Set by `build_head` if the task has its own.
        self.pooling: AttentionPooling | None = None
        # Rows of earlier steps that the loss reads, if any.
        self.memory: PairMemory | None = None
        self.feature_size = hidden_size * len(task.pair_features or ["u"])
        options = HEADS.entry(task.kind).options
        self.options: Any = None if options is None else options(**task.head_options)

    @classmethod
    def complete(cls, task: TaskConfig) -> None:
        """Fill in the defaults of a task of this kind."""
        if task.is_siamese and "pair_features" in cls.reads and task.pair_features is None:
            task.pair_features = list(PAIR_FEATURES)
        if task.loss is None:
            task.loss = cls.losses[0]
        if task.loss == "focal" and task.focal_gamma is None:
            task.focal_gamma = 2.0

    @classmethod
    def check(cls, task: TaskConfig, refuse: Refuse) -> None:
        """Check the requirements of this kind.

        Args:
            task: the task, whose fields are valid on their own.
            refuse: raises ValueError, given a field's name and the reason.
        """

    def features(self, u: Tensor, v: Tensor | None) -> Tensor:
        """Return `[u; v; |u-v|; u*v]` or a part of it, (B, nH), or `u` itself, (B, H)."""
        if v is None:
            return u
        return torch.cat([_PAIR_FEATURES[name](u, v) for name in self.task.pair_features], dim=-1)

    @property
    def smoothing(self) -> float:
        """Return the label smoothing: the task's in training, 0 in evaluation."""
        return self.task.label_smoothing if self.training else 0.0

    def forward_with_loss_input(self, u: Tensor, v: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the logits and the input of the loss: the logits, or else vectors, (B, 2, D)."""
        logits = self(u, v)
        return logits, logits

    def loss(self, loss_input: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the loss, a scalar, averaged over the batch's labels times their weights.

        Args:
            loss_input: see `forward_with_loss_input`.
            labels: as for `HybridMTLModel.forward`.
            weights: see `reduce_loss`, also for what it raises.
        """
        if self.task.label_type == "score":
            labels = labels.float()  # of which -100 may be one
        return reduce_loss(LOSSES[self.task.loss](self, loss_input, labels), labels, weights)

    def postprocess(self, logits: Tensor) -> Tensor:
        """Return calibrated class probabilities (..., C), or scores (B,) clamped to the range."""
        if self.output_type == "score":
            return logits.float().clamp(*self.task.score_range)
        return self.scaled(logits).softmax(dim=-1)

    def measured_outputs(self, output: Any) -> Tensor:
        """Return the outputs from which metrics are computed, for an output of the model."""
        return self.postprocess(output.logits)

    def predict(self, outputs: Tensor) -> Tensor:
        """Return class indices (...), or scores (B,), for the outputs of `postprocess`."""
        return outputs if self.output_type == "score" else outputs.argmax(dim=-1)


def build_head(config: Any, name: str) -> TaskHead:
    """Return the head of a task of a `HybridMTLConfig`, with the task's own pooling, if any."""
    task = config.task(name)
    width = config.hidden_size if task.reads_words else config.sentence_vector_size
    head: TaskHead = HEADS[task.kind](width, task)
    if task.pooling == "attention":
        head.pooling = AttentionPooling(config.hidden_size, task.attention_heads)
    return head


@torch.no_grad()
def initialize_head(head: TaskHead) -> None:
    """Initialize the parameters and buffers of a head outside its linear layers.

    transformers creates models on the meta device, and `_init_weights` covers linear layers only.
    """
    linear = [name for name, module in head.named_modules() if isinstance(module, nn.Linear)]
    tensors = [*head.named_parameters(), *head.named_buffers()]
    uninitialized = {
        name: tensor
        for name, tensor in tensors
        if name.rpartition(".")[0] not in linear
        and not getattr(tensor, "_is_hf_initialized", False)
    }
    if uninitialized:
        template = type(head)(head.hidden_size, head.task)
        values = {**dict(template.named_parameters()), **dict(template.named_buffers())}
        for name, tensor in uninitialized.items():
            tensor.copy_(values[name])


@HEADS.register("classification")
class ClassificationHead(TaskHead):
    """Logits over classes, (B, C)."""

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        widths = [self.feature_size, *task.hidden_sizes, len(self.task.labels)]
        self.layers = build_layers(widths, task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        return self.layers(self.features(u, v))


@HEADS.register("token_classification")
class TokenClassificationHead(TaskHead):
    """Logits over classes for every token, (B, L, C); labels of -100 are ignored."""

    output_type = "tags"
    inputs = ("single",)
    metrics = ("span_f1", "accuracy", "f1")
    standard = hub_task = "token-classification"

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.layers = build_layers([hidden_size, *task.hidden_sizes, len(self.task.labels)], task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        return self.layers(u)


class ScoreHead(TaskHead):
    """A score (B,) in units of the task's range."""

    output_type = "score"
    reads: tuple[str, ...] = ("pair_features",)
    losses: tuple[str, ...] = ("squared_error", "correlation")
    metrics: tuple[str, ...] = ("pearson", "spearman")
    standard = "sentence-similarity"


class CosineHead(ScoreHead):
    """The cosine of the vectors of both texts of a siamese pair.

    With `hidden_sizes`, the same layers first transform both vectors. Without
    them and without normalization, the head has no parameters.
    """

    inputs: tuple[str, ...] = ("pair",)
    reads: tuple[str, ...] = ()
    hub_task = "sentence-similarity"

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.layers = build_layers([hidden_size, *task.hidden_sizes], task)
        if not task.hidden_sizes:
            self.layers.append(nn.Dropout(task.dropout))

    @classmethod
    def check(cls, task: TaskConfig, refuse: Refuse) -> None:
        if not task.is_siamese:
            refuse("pair_encoding", f"{task.kind} compares the vectors of two texts; use 'siamese'")

    def vectors(self, u: Tensor, v: Tensor | None) -> Tensor:
        """Return the vectors that are compared, (B, 2, D)."""
        # Together, so that batch normalization has the same statistics for both.
        sides: Any = u, v
        return self.layers(torch.stack(sides)).transpose(0, 1)

    def scores(self, vectors: Tensor) -> Tensor:
        """Return the scores (B,) of pairs of vectors (B, 2, D)."""
        first, second = vectors.float().unbind(dim=1)
        return functional.cosine_similarity(first, second)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        return self.scores(self.vectors(u, v))

    def forward_with_loss_input(self, u: Tensor, v: Tensor | None) -> tuple[Tensor, Tensor]:
        if not LOSSES.entry(self.task.loss).reads_vectors:
            return super().forward_with_loss_input(u, v)
        vectors = self.vectors(u, v)  # once, since dropout would differ
        return self.scores(vectors), vectors


@HEADS.register("similarity")
class SimilarityHead(CosineHead):
    """The cosine of two sentence vectors, mapped to the score range and trained directly."""

    reads = ("cosine_range",)
    losses = ("squared_error", "cosine_embedding", "correlation", "cosent", "angle")

    @classmethod
    def complete(cls, task: TaskConfig) -> None:
        super().complete(task)
        if task.cosine_range is None:
            task.cosine_range = [0.0, 1.0]

    @classmethod
    def check(cls, task: TaskConfig, refuse: Refuse) -> None:
        super().check(task, refuse)
        check_range(task, "cosine_range", refuse)

    def scores(self, vectors: Tensor) -> Tensor:
        low, high = self.task.score_range
        bottom, top = self.task.cosine_range
        return low + (high - low) * (super().scores(vectors) - bottom) / (top - bottom)


@HEADS.register("regression")
class RegressionHead(ScoreHead):
    """A linear score; an output of 0 corresponds to the middle of the range."""

    hub_task = "regression"  # not a task of the Hub

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        self.layers = build_layers([self.feature_size, *task.hidden_sizes, 1], task)

    def forward(self, u: Tensor, v: Tensor | None = None) -> Tensor:
        low, high = self.task.score_range
        output = self.layers(self.features(u, v)).squeeze(-1).float()
        return (low + high) / 2 + (high - low) * output

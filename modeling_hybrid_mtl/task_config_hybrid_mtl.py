"""Configuration of a task, and its checks."""

import dataclasses
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, get_type_hints

from torch import nn

from .normalization_hybrid_mtl import NORMALIZATIONS
from .pooling_hybrid_mtl import TASK_POOLINGS
from .registry_hybrid_mtl import HEADS, LOSSES, did_you_mean

INPUTS = ("single", "pair")
PAIR_ENCODINGS = ("siamese", "cross")
ACTIVATIONS = ("gelu", "relu", "silu", "tanh")
PAIR_FEATURES = ("u", "v", "difference", "product")

CHOICES = {
    "kind": HEADS,
    "input": INPUTS,
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "pooling": TASK_POOLINGS,
}

Refuse = Callable[[str, str], NoReturn]


@dataclass
class TaskConfig:
    """Configuration of a task: its kind, its input and the shape of its head.

    Attributes:
        kind: `classification`, `multi_label`, `ordinal`, `regression`, `similarity`, `ranking`,
            `token_classification` or a kind of an extension.
        input: `single` (one text) or `pair` (two texts).
        pair_encoding: for pairs, `siamese` (each text is encoded alone, the default) or `cross`
            (both in one sequence).
        labels: the class names, in the order of their indices (classification kinds), from the
            lowest to the highest for `ordinal`; in a configuration file, `auto` takes them from the
            training rows.
        score_range: lowest and highest score (regression and similarity); -1 and 1 for ranking.
        cosine_range: the cosines that correspond to the ends of `score_range` (similarity).
        hidden_sizes: widths of the layers between the sentence vector and the output.
        dropout: dropout probability before each linear layer of the head.
        activation: `gelu`, `relu`, `silu` or `tanh`, after each hidden layer.
        normalization: before each activation, or of the head's input if there is none: `none`,
            `batch` (over the rows of a batch) or `layer` (over the features of a row).
        pooling: of the token vectors: `shared` (the model's) or `attention` (the task's own).
        attention_heads: the number of queries of attention pooling; a divisor of the encoder's
            hidden size.
        pair_features: inputs of a siamese head other than similarity: any of `u`, `v`, `difference`
            (|u-v|) and `product` (u*v); all four if None.
        loss: `cross_entropy` (the default) or `focal` for classes and tags; for ordinal
            `cross_entropy` or `coral`; `binary_cross_entropy` or `focal` for multi-label;
            `squared_error` (the default) or `correlation` for scores; for similarity also
            `cosine_embedding`, `cosent` or `angle`; `multiple_negatives` for ranking; or a loss of
            an extension.
        focal_gamma: exponent of the focal loss, which reduces the loss of labels that have a high
            probability already; 2 if None.
        label_smoothing: share of the target that is spread over all classes (classification), or
            over the two values of each class (multi-label).
        thresholds: the lowest probability at which a class is predicted, for each of the labels;
            0.5 if None (multi-label).
        temperature: divides the logits before they become probabilities; 1 if None (kinds with
            labels). The option `calibrate` fits it.
        min_score: the lowest probability at which the predicted class needs no review by a person
            (kinds with one class per text).
        loss_weight: factor of the task's loss.
        head_options: options of a kind: for ordinal, `model`: `corn` (the default) or `cumulative`;
            for ranking, `scale`, `symmetric` and `negatives`; or of a kind of an extension.
    """

    kind: str
    input: str = "single"
    pair_encoding: str | None = None
    labels: list[str] | None = None
    score_range: list[float] | None = None
    cosine_range: list[float] | None = None
    hidden_sizes: list[int] = field(default_factory=list)
    dropout: float = 0.1
    activation: str = "gelu"
    normalization: str = "none"
    pooling: str = "shared"
    attention_heads: int = 1
    pair_features: list[str] | None = None
    loss: str | None = None
    focal_gamma: float | None = None
    label_smoothing: float = 0.0
    thresholds: list[float] | None = None
    temperature: float | None = None
    min_score: float | None = None
    loss_weight: float = 1.0
    head_options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_siamese(self) -> bool:
        """Return whether the two texts of a pair are encoded separately."""
        return self.input == "pair" and self.pair_encoding == "siamese"

    @property
    def output_type(self) -> str:
        """Return the type of the outputs: `class`, `labels`, `tags` or `score`."""
        return HEADS[self.kind].output_type

    @property
    def label_type(self) -> str:
        """Return the type of the labels: `match`, or the type of the outputs."""
        return HEADS[self.kind].label_type or self.output_type

    @property
    def needs_labels(self) -> bool:
        """Return whether rows need a column of labels."""
        return HEADS[self.kind].needs_labels

    @property
    def has_labels(self) -> bool:
        """Return whether the task predicts classes rather than a score."""
        return self.output_type != "score"

    @property
    def reads_words(self) -> bool:
        """Return whether the inputs are lists of words, each with a label."""
        return self.output_type == "tags"

    @classmethod
    def from_entry(cls, name: str, entry: Any) -> "TaskConfig":
        """Check an entry of `tasks` and fill in its defaults.

        Args:
            name: the task's name, for messages.
            entry: field names -> values, or a `TaskConfig`.

        Raises:
            ValueError: naming the task and the invalid field.
        """
        if isinstance(entry, cls):
            entry = dataclasses.asdict(entry)
        if not isinstance(entry, dict):
            raise ValueError(f"task '{name}': expected a mapping of fields, got {entry!r}")
        fields = [f.name for f in dataclasses.fields(cls)]
        for key in entry:
            if key not in fields:
                raise ValueError(
                    f"task '{name}': unknown field '{key}'; must be one of {', '.join(fields)}"
                )
        if "kind" not in entry:
            raise ValueError(
                f"task '{name}': field 'kind' is missing; must be one of {', '.join(HEADS)}"
            )
        task = cls(**entry)
        if task.input == "pair" and task.pair_encoding is None:
            task.pair_encoding = "siamese"
        if task.kind in HEADS:
            HEADS[task.kind].complete(task)
        _check_task(name, task)
        return task


def _check_task(name: str, task: TaskConfig) -> None:
    def refuse(field_name: str, reason: str) -> NoReturn:
        value = getattr(task, field_name)
        raise ValueError(f"task '{name}': field '{field_name}' = {value!r}: {reason}")

    # A name is a key of an nn.ModuleDict and a part of metric names and file names.
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name):
        raise ValueError(
            f"task {str(name)[:70]!r}: a task's name must be at most 64 letters, digits and "
            f"underscores, a letter first"
        )
    if hasattr(nn.ModuleDict(), name):
        raise ValueError(f"task '{name}': the name is reserved by torch; use another one")
    for field_name, choices in CHOICES.items():
        value = getattr(task, field_name)
        if value not in choices:
            refuse(field_name, f"must be one of {', '.join(choices)}{did_you_mean(value, choices)}")
    if task.input == "pair" and task.pair_encoding not in PAIR_ENCODINGS:
        refuse("pair_encoding", f"must be one of {', '.join(PAIR_ENCODINGS)}")
    if task.input == "single" and task.pair_encoding is not None:
        refuse("pair_encoding", "only valid for tasks with input 'pair'")
    if task.input not in HEADS[task.kind].inputs:
        inputs = " or ".join(f"'{kind}'" for kind in HEADS[task.kind].inputs)
        refuse("input", f"{task.kind.replace('_', ' ')} requires {inputs}")
    _check_outputs(task, refuse)
    _check_calibration(task, refuse)
    _check_head(task, refuse)
    _check_loss(task, refuse)
    _check_head_options(task, refuse)
    HEADS[task.kind].check(task, refuse)


def _check_outputs(task: TaskConfig, refuse: Refuse) -> None:
    if task.has_labels:
        names: Any = task.labels
        if (
            not isinstance(names, list)
            or len(names) < 2
            or not all(isinstance(n, str) for n in names)
        ):
            refuse("labels", "must be a list of at least two class names")
        if len(set(names)) != len(names):
            refuse("labels", "class names must be unique")
        if task.score_range is not None:
            refuse("score_range", f"a task of kind '{task.kind}' has labels, not a score range")
    else:
        if task.labels is not None:
            refuse("labels", f"a task of kind '{task.kind}' has a score_range, not labels")
        check_range(task, "score_range", refuse)
    for field_name in ("cosine_range", "thresholds", "label_smoothing"):
        if getattr(task, field_name) and field_name not in HEADS[task.kind].reads:
            kinds = [kind for kind, head in HEADS.items() if field_name in head.reads]
            refuse(field_name, f"only valid for tasks of kind {', '.join(map(repr, kinds))}")


def _check_calibration(task: TaskConfig, refuse: Refuse) -> None:
    if task.temperature is not None:
        if not task.has_labels:
            refuse("temperature", f"a task of kind '{task.kind}' has no probabilities")
        if not is_number(task.temperature) or not task.temperature > 0:
            refuse("temperature", "must be a positive number")
    if task.min_score is not None:
        if task.output_type != "class":
            refuse("min_score", "only valid for tasks that predict one class for each text")
        if not is_number(task.min_score) or not 0 < task.min_score <= 1:
            refuse("min_score", "must be a number above 0, at most 1")


def check_range(task: TaskConfig, field_name: str, refuse: Refuse) -> None:
    """Check that a field is two numbers in ascending order."""
    ends = getattr(task, field_name)
    if not isinstance(ends, (list, tuple)) or len(ends) != 2 or not all(map(is_number, ends)):
        refuse(field_name, "must be two numbers, [lowest, highest]")
    if not ends[0] < ends[1]:
        refuse(field_name, "the first number must be lower than the second")
    setattr(task, field_name, [float(end) for end in ends])


def _check_head(task: TaskConfig, refuse: Refuse) -> None:
    sizes = task.hidden_sizes
    if not isinstance(sizes, (list, tuple)) or not all(type(s) is int and s > 0 for s in sizes):
        refuse("hidden_sizes", "must be a list of positive integers, [] for a linear head")
    task.hidden_sizes = list(sizes)
    if not is_number(task.dropout) or not 0 <= task.dropout < 1:
        refuse("dropout", "must be in [0, 1)")
    if type(task.attention_heads) is not int or task.attention_heads < 1:
        refuse("attention_heads", "must be a positive integer")
    if task.attention_heads > 1 and task.pooling != "attention":
        refuse("attention_heads", "only valid with pooling 'attention'")
    if task.reads_words and task.pooling != "shared":
        refuse("pooling", f"a task of kind '{task.kind}' reads token vectors, which are not pooled")
    if task.reads_words and task.normalization == "batch":
        refuse("normalization", "statistics of tokens would include padding; use 'layer'")
    features = task.pair_features
    if not task.is_siamese or "pair_features" not in HEADS[task.kind].reads:
        if features is not None:
            others = [kind for kind, head in HEADS.items() if "pair_features" not in head.reads]
            refuse("pair_features", f"only valid for siamese tasks other than {', '.join(others)}")
    elif not isinstance(features, list) or not features or not set(features) <= set(PAIR_FEATURES):
        refuse("pair_features", f"must be a list of some of {', '.join(PAIR_FEATURES)}")
    elif len(set(features)) != len(features):
        refuse("pair_features", "must be unique")


def check_attention_heads(tasks: dict[str, TaskConfig], hidden_size: int) -> None:
    """Check that the heads of each task's attention pooling divide the encoder's hidden size.

    Raises:
        ValueError: naming the task.
    """
    for name, task in tasks.items():
        if hidden_size % task.attention_heads:
            raise ValueError(
                f"task '{name}': field 'attention_heads' = {task.attention_heads}: must divide "
                f"the encoder's hidden size of {hidden_size}"
            )


def _check_loss(task: TaskConfig, refuse: Refuse) -> None:
    losses = (*HEADS[task.kind].losses, *LOSSES.of_kind(task.kind))
    if task.loss not in losses:
        hint = did_you_mean(task.loss, losses)
        refuse("loss", f"must be one of {', '.join(losses)} for kind '{task.kind}'{hint}")
    if not is_number(task.label_smoothing) or not 0 <= task.label_smoothing < 1:
        refuse("label_smoothing", "must be in [0, 1)")
    gamma: Any = task.focal_gamma
    if task.loss != "focal" and gamma is not None:
        refuse("focal_gamma", "only valid with loss 'focal'")
    if task.loss == "focal" and (not is_number(gamma) or gamma < 0):
        refuse("focal_gamma", "must be a number, 0 or more")
    if task.loss == "focal" and task.label_smoothing:
        refuse("label_smoothing", "has no meaning with loss 'focal'; unset it")
    if not is_number(task.loss_weight) or not task.loss_weight > 0:
        refuse("loss_weight", "must be a positive number")


def _check_head_options(task: TaskConfig, refuse: Refuse) -> None:
    """Check the options of a kind against its dataclass, and fill in their defaults."""
    options_class: Any = HEADS.entry(task.kind).options
    options: Any = task.head_options
    types = {} if options_class is None else get_type_hints(options_class)
    if not isinstance(options, dict):
        refuse("head_options", "must be a mapping of options")
    for name, value in options.items():
        if name not in types:
            hint = did_you_mean(name, types)
            valid = f"has {', '.join(types)}" if types else "has no options"
            refuse("head_options", f"unknown option '{name}': kind '{task.kind}' {valid}{hint}")
        expected = types[name]
        if expected is float and is_number(value):
            continue
        if expected in (bool, int, float, str) and type(value) is not expected:
            refuse("head_options", f"option '{name}' must be of type {expected.__name__}")
    if options_class is not None:
        try:
            task.head_options = dataclasses.asdict(options_class(**options))
        except (TypeError, ValueError) as error:
            refuse("head_options", str(error))


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number, and not a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)

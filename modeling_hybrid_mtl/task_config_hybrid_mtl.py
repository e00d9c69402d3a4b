"""Configuration of a task, and its checks."""

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from torch import nn

from .normalization_hybrid_mtl import NORMALIZATIONS
from .pooling_hybrid_mtl import TASK_POOLINGS
from .registry_hybrid_mtl import HEADS, did_you_mean
from .task_fields_hybrid_mtl import (
    check_calibration,
    check_head_options,
    check_layers,
    check_loss,
    check_outputs,
)

INPUTS = ("single", "pair")
PAIR_ENCODINGS = ("siamese", "cross")
ACTIVATIONS = ("gelu", "relu", "silu", "tanh")

CHOICES = {
    "kind": HEADS,
    "input": INPUTS,
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "pooling": TASK_POOLINGS,
}


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
            (`|u-v|`) and `product` (`u*v`); all four if None.
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
    check_outputs(task, refuse)
    check_calibration(task, refuse)
    check_layers(task, refuse)
    check_loss(task, refuse)
    check_head_options(task, refuse)
    HEADS[task.kind].check(task, refuse)


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

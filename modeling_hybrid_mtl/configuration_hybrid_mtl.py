"""Configuration of a hybrid multitask model: one backbone, one entry per task."""

import dataclasses
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from torch import nn
from transformers import CONFIG_MAPPING, AutoConfig, PretrainedConfig

from .modules_hybrid_mtl import attach_modules

KINDS = ("classification", "regression", "similarity", "token_classification")
INPUTS = ("single", "pair")
PAIR_ENCODINGS = ("siamese", "cross")
POOLINGS = ("mean", "cls", "pooler")
ACTIVATIONS = ("gelu", "relu", "silu", "tanh")
PAIR_FEATURES = ("u", "v", "difference", "product")
# The adapter that every task uses.
SHARED_ADAPTER = "shared"
# Kind -> its losses, the default first.
LOSSES = {
    "classification": ("cross_entropy",),
    "token_classification": ("cross_entropy",),
    "regression": ("squared_error", "correlation"),
    "similarity": ("squared_error", "cosine_embedding", "correlation"),
}


@dataclass
class TaskConfig:
    """What one task is: its kind, its input and the shape of its head.

    Attributes:
        kind: `classification`, `regression`, `similarity` or `token_classification`.
        input: `single` (one text) or `pair` (two texts).
        pair_encoding: for pairs, `siamese` (each text is encoded alone) or `cross` (both in one
            sequence). `siamese` when left out.
        labels: the class names, in the order of their indices (classification kinds).
        score_range: lowest and highest score (regression and similarity).
        cosine_range: the cosines that stand for the two ends of `score_range` (similarity).
        hidden_sizes: widths of the layers between the sentence vector and the output.
        dropout: dropout probability in front of each linear layer of the head.
        activation: `gelu`, `relu`, `silu` or `tanh`, after each hidden layer.
        pair_features: what a siamese head other than similarity reads of the two vectors: any of
            `u`, `v`, `difference` (|u-v|) and `product` (u*v); all four when left out.
        loss: `cross_entropy` for classification; `squared_error` (the default) or `correlation`
            for scores; for similarity also `cosine_embedding`.
        label_smoothing: share of the target that is spread over all classes (classification).
        loss_weight: factor of the task's loss.
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
    pair_features: list[str] | None = None
    loss: str | None = None
    label_smoothing: float = 0.0
    loss_weight: float = 1.0

    @property
    def is_siamese(self) -> bool:
        """Whether the two texts of a pair are encoded apart."""
        return self.input == "pair" and self.pair_encoding == "siamese"

    @property
    def has_labels(self) -> bool:
        """Whether the task predicts class names rather than a score."""
        return self.kind in ("classification", "token_classification")

    @classmethod
    def from_entry(cls, name: str, entry: Any) -> "TaskConfig":
        """Check one entry of `tasks` and fill in its defaults.

        Args:
            name: the task's name, used in messages.
            entry: a mapping of field names to values, or a `TaskConfig`.

        Raises:
            ValueError: naming the task and the field that is wrong.
        """
        if isinstance(entry, cls):
            entry = dataclasses.asdict(entry)
        if not isinstance(entry, dict):
            raise ValueError(f"task '{name}': expected a mapping of fields, got {entry!r}")
        known = [f.name for f in dataclasses.fields(cls)]
        for key in entry:
            if key not in known:
                raise ValueError(f"task '{name}': unknown field '{key}'; known: {', '.join(known)}")
        if "kind" not in entry:
            raise ValueError(f"task '{name}': field 'kind' is missing; one of {', '.join(KINDS)}")
        task = cls(**entry)
        if task.input == "pair" and task.pair_encoding is None:
            task.pair_encoding = "siamese"
        if task.kind == "similarity" and task.cosine_range is None:
            task.cosine_range = [0.0, 1.0]
        if task.is_siamese and task.kind != "similarity" and task.pair_features is None:
            task.pair_features = list(PAIR_FEATURES)
        if task.loss is None and task.kind in KINDS:
            task.loss = LOSSES[task.kind][0]
        _check_task(name, task)
        return task


def _check_task(name: str, task: TaskConfig) -> None:
    def refuse(field_name: str, why: str) -> NoReturn:
        value = getattr(task, field_name)
        raise ValueError(f"task '{name}': field '{field_name}' = {value!r}: {why}")

    # A name becomes a key of nn.ModuleDict and a part of metric names and file names.
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", name):
        raise ValueError(
            f"task {str(name)[:70]!r}: a task's name is letters, digits and underscores, at most 64"
        )
    if hasattr(nn.ModuleDict(), name):
        raise ValueError(f"task '{name}': torch keeps this name for itself; take another one")
    for field_name, choices in (("kind", KINDS), ("input", INPUTS), ("activation", ACTIVATIONS)):
        if getattr(task, field_name) not in choices:
            refuse(field_name, f"must be one of {', '.join(choices)}")
    if task.input == "pair" and task.pair_encoding not in PAIR_ENCODINGS:
        refuse("pair_encoding", f"must be one of {', '.join(PAIR_ENCODINGS)}")
    if task.input == "single" and task.pair_encoding is not None:
        refuse("pair_encoding", "only tasks with input 'pair' have one")
    if task.kind == "similarity" and not task.is_siamese:
        refuse("kind", "a cosine needs input 'pair' and pair_encoding 'siamese'; use 'regression'")
    if task.kind == "token_classification" and task.input != "single":
        refuse("kind", "token classification takes input 'single'")
    _check_outputs(task, refuse)
    _check_head(task, refuse)
    _check_loss(task, refuse)


def _check_outputs(task: TaskConfig, refuse: Callable[[str, str], NoReturn]) -> None:
    if task.has_labels:
        names: Any = task.labels
        if (
            not isinstance(names, list)
            or len(names) < 2
            or not all(isinstance(n, str) for n in names)
        ):
            refuse("labels", "must be a list of at least two class names")
        if len(set(names)) != len(names):
            refuse("labels", "the class names must differ")
        if task.score_range is not None:
            refuse("score_range", f"a task of kind '{task.kind}' has labels, not a score range")
    else:
        if task.labels is not None:
            refuse("labels", f"a task of kind '{task.kind}' has a score_range, not labels")
        _check_range(task, "score_range", refuse)
    if task.kind == "similarity":
        _check_range(task, "cosine_range", refuse)
    elif task.cosine_range is not None:
        refuse("cosine_range", "only tasks of kind 'similarity' have one")


def _check_range(task: TaskConfig, field_name: str, refuse) -> None:
    ends = getattr(task, field_name)
    if not isinstance(ends, (list, tuple)) or len(ends) != 2 or not all(map(_is_number, ends)):
        refuse(field_name, "must be two numbers, [lowest, highest]")
    if not ends[0] < ends[1]:
        refuse(field_name, "the first number must be the lower one")
    setattr(task, field_name, [float(end) for end in ends])


def _check_head(task: TaskConfig, refuse) -> None:
    sizes = task.hidden_sizes
    if not isinstance(sizes, (list, tuple)) or not all(type(s) is int and s > 0 for s in sizes):
        refuse("hidden_sizes", "must be a list of positive integers, [] for a linear head")
    task.hidden_sizes = list(sizes)
    if not _is_number(task.dropout) or not 0 <= task.dropout < 1:
        refuse("dropout", "must be a probability from 0 up to but not including 1")
    features = task.pair_features
    if not task.is_siamese or task.kind == "similarity":
        if features is not None:
            refuse("pair_features", "only siamese tasks other than similarity have them")
    elif not isinstance(features, list) or not features or not set(features) <= set(PAIR_FEATURES):
        refuse("pair_features", f"must be a list of some of {', '.join(PAIR_FEATURES)}")
    elif len(set(features)) != len(features):
        refuse("pair_features", "each of them once")


def _check_loss(task: TaskConfig, refuse) -> None:
    if task.loss not in LOSSES[task.kind]:
        refuse("loss", f"a task of kind '{task.kind}' has {', '.join(LOSSES[task.kind])}")
    if not _is_number(task.label_smoothing) or not 0 <= task.label_smoothing < 1:
        refuse("label_smoothing", "must be a share from 0 up to but not including 1")
    if task.label_smoothing and not task.has_labels:
        refuse("label_smoothing", f"a task of kind '{task.kind}' has no classes to spread over")
    if not _is_number(task.loss_weight) or not task.loss_weight > 0:
        refuse("loss_weight", "must be a positive number")


@dataclass
class AdapterConfig:
    """Low-rank additions to some of the encoder's linear layers (LoRA, arXiv:2106.09685).

    Attributes:
        target_modules: the layers' last names, such as `query`, or their whole names.
        rank: columns of B and rows of A.
        alpha: the additions are scaled by `alpha / rank`.
        dropout: dropout probability of what the additions read.
    """

    target_modules: list[str]
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0


def check_adapters(entries: Any, tasks: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Check the adapters of a model with these tasks and fill in their defaults.

    Raises:
        ValueError: naming the adapter and the field that is wrong.
    """
    if not isinstance(entries, dict):
        raise ValueError(f"adapters = {entries!r}: must be a mapping of names to fields")
    return {name: _check_adapter(name, entry, tasks) for name, entry in entries.items()}


def _check_adapter(name: str, entry: Any, tasks: dict[str, Any]) -> dict[str, Any]:
    if name != SHARED_ADAPTER and name not in tasks:
        raise ValueError(
            f"adapter '{name}': is named after no task; known: "
            f"{', '.join([SHARED_ADAPTER, *tasks])}"
        )
    if name == SHARED_ADAPTER and name in tasks:
        raise ValueError(f"adapter '{name}': is every task's, and a task has this name; rename it")
    if not isinstance(entry, dict):
        raise ValueError(f"adapter '{name}': expected a mapping of fields, got {entry!r}")
    known = [f.name for f in dataclasses.fields(AdapterConfig)]
    for key in entry:
        if key not in known:
            raise ValueError(f"adapter '{name}': unknown field '{key}'; known: {', '.join(known)}")
    adapter = AdapterConfig(**{"target_modules": [], **entry})

    def refuse(field_name: str, why: str) -> NoReturn:
        value = getattr(adapter, field_name)
        raise ValueError(f"adapter '{name}': field '{field_name}' = {value!r}: {why}")

    targets: Any = adapter.target_modules
    if not isinstance(targets, (list, tuple)) or not targets:
        refuse("target_modules", "must be a list of the names of linear layers")
    if not all(isinstance(target, str) and target for target in targets):
        refuse("target_modules", "must be a list of the names of linear layers")
    if type(adapter.rank) is not int or adapter.rank < 1:
        refuse("rank", "must be a whole number from 1 up")
    if not _is_number(adapter.alpha) or not adapter.alpha > 0:
        refuse("alpha", "must be a positive number")
    if not _is_number(adapter.dropout) or not 0 <= adapter.dropout < 1:
        refuse("dropout", "must be a probability from 0 up to but not including 1")
    return {**dataclasses.asdict(adapter), "target_modules": list(targets)}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class HybridMTLConfig(PretrainedConfig):
    """Configuration of `HybridMTLModel`.

    Args:
        backbone_config: the encoder's configuration, an object or its dictionary with `model_type`;
            a default BERT when left out.
        tasks: task name -> fields of `TaskConfig`.
        pooling: how token vectors become one sentence vector: `mean` over real tokens, `cls` (the
            first token) or `pooler` (the backbone's own, where it has one).
        pooled_dropout: dropout probability on the pooled sentence vector, shared by all tasks.
        adapters: name of a task -> fields of `AdapterConfig`, additions to the encoder that this
            task uses; `shared` names one that every task uses, beside its own.

    Raises:
        ValueError: naming the task or adapter and field, or the option, that is wrong.
    """

    model_type = "hybrid_mtl"
    sub_configs = {"backbone_config": AutoConfig}

    def __init__(
        self,
        backbone_config: Any = None,
        tasks: dict[str, Any] | None = None,
        pooling: str = "mean",
        pooled_dropout: float = 0.0,
        adapters: dict[str, Any] | None = None,
        **kwargs,
    ):
        if backbone_config is None:
            backbone_config = CONFIG_MAPPING["bert"]()
        elif not isinstance(backbone_config, PretrainedConfig):
            backbone_config = _config_from_dict(backbone_config)
        _check_backbone(backbone_config)
        # The folder the weights came from is nobody else's business.
        backbone_config._name_or_path = ""
        if pooling not in POOLINGS:
            raise ValueError(f"pooling = {pooling!r}: must be one of {', '.join(POOLINGS)}")
        if not _is_number(pooled_dropout) or not 0 <= pooled_dropout < 1:
            raise ValueError(f"pooled_dropout = {pooled_dropout!r}: must be a probability below 1")
        if not isinstance(tasks, (dict, type(None))):
            raise ValueError(f"tasks = {tasks!r}: must be a mapping of task names to their fields")
        self.backbone_config = backbone_config
        self.tasks = {
            name: dataclasses.asdict(TaskConfig.from_entry(name, entry))
            for name, entry in (tasks or {}).items()
        }
        self.pooling = pooling
        self.pooled_dropout = pooled_dropout
        self.adapters = check_adapters({} if adapters is None else adapters, self.tasks)
        for token in ("pad_token_id", "bos_token_id", "eos_token_id"):
            kwargs.setdefault(token, getattr(backbone_config, token, None))
        super().__init__(**kwargs)

    @classmethod
    def get_config_dict(cls, pretrained_model_name_or_path: Any, **kwargs) -> Any:
        """Read a configuration as every one.

        Raises:
            ValueError: if it is another kind of model's.
        """
        found, rest = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        kind = found.get("model_type", cls.model_type)
        if kind != cls.model_type:
            raise ValueError(
                f"'{pretrained_model_name_or_path}' holds a {kind} model, not a {cls.model_type} "
                f"one; start from an encoder with HybridMTLModel.from_backbone(name, tasks={{...}})"
            )
        return found, rest

    @property
    def id2label(self) -> dict[int, str] | None:
        """The classes of the first task that has any, as clients of one task expect them.

        A model of scores alone has one, as transformers has for a regression; what a model without
        tasks has is transformers' own.
        """
        if not self.__dict__.get("tasks"):
            return self.__dict__.get("id2label")
        found = [entry["labels"] for entry in self.tasks.values() if entry["labels"]]
        return dict(enumerate(found[0] if found else ["LABEL_0"]))

    @id2label.setter
    def id2label(self, value: Any) -> None:
        # JSON has no whole numbers for keys.
        own = None if self.id2label is None else {str(i): n for i, n in self.id2label.items()}
        given = {str(i): n for i, n in value.items()} if isinstance(value, dict) else value
        self._set_labels("id2label", value, given == own)

    @property
    def label2id(self) -> dict[str, int] | None:
        """As `id2label`, the other way round."""
        if not self.__dict__.get("tasks"):
            return self.__dict__.get("label2id")
        return {name: index for index, name in (self.id2label or {}).items()}

    @label2id.setter
    def label2id(self, value: Any) -> None:
        self._set_labels("label2id", value, value == self.label2id)

    def _set_labels(self, name: str, value: Any, is_own: bool) -> None:
        if self.__dict__.get("tasks") and value is not None and not is_own:
            raise ValueError(
                f"{name}: cannot be set to {str(value)[:80]}; the labels, and their number, are "
                f"those of its tasks, first {list((self.id2label or {}).values())}"
            )
        self.__dict__[name] = value

    def to_json_string(self, use_diff: bool = True) -> str:
        """As every configuration's, but with the tasks in their order, for the first counts."""
        content = json.loads(super().to_json_string(use_diff))
        content["tasks"] = {name: content["tasks"][name] for name in self.tasks}
        return json.dumps(content, indent=2) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """As every configuration's, with the labels of the tasks that there are now."""
        return {**super().to_dict(), "id2label": self.id2label, "label2id": self.label2id}

    def task(self, name: str) -> TaskConfig:
        """The configuration of one task.

        Raises:
            ValueError: if the model has no task of that name.
        """
        if name not in self.tasks:
            raise ValueError(f"no task '{name}' in this model; its tasks: {', '.join(self.tasks)}")
        return TaskConfig(**self.tasks[name])

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> Any:
        """The encoder's configuration, which holds the vocabulary's size."""
        return self.backbone_config

    def adapters_of(self, task: str | None) -> tuple[str, ...]:
        """The adapters that are added for a task, or for no task in particular.

        Raises:
            ValueError: if the model has no task of that name.
        """
        if task is not None:
            self.task(task)
        return tuple(name for name in (SHARED_ADAPTER, task) if name in self.adapters)

    @property
    def hidden_size(self) -> int:
        """Width of the sentence vector."""
        return self.backbone_config.hidden_size


def _check_backbone(config: Any) -> None:
    if config.is_encoder_decoder:
        raise ValueError(
            f"backbone_config: a {config.model_type} model has a decoder besides its encoder; take "
            f"an encoder such as BERT"
        )
    if not isinstance(getattr(config, "hidden_size", None), int):
        raise ValueError(
            f"backbone_config: a {config.model_type} model has no single hidden_size; take a text "
            f"encoder such as BERT"
        )


def _config_from_dict(entry: Any) -> PretrainedConfig:
    if not isinstance(entry, dict):
        raise ValueError(f"backbone_config = {entry!r}: must be a configuration or its dictionary")
    fields = dict(entry)
    model_type = fields.pop("model_type", None)
    if model_type not in CONFIG_MAPPING:
        raise ValueError(
            f"backbone_config: model_type {model_type!r} is not one that transformers knows"
        )
    return CONFIG_MAPPING[model_type](**fields)


attach_modules(__name__)

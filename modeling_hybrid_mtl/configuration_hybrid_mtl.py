"""Configuration of a hybrid multitask model: one backbone, one entry per task."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, NoReturn

from transformers import CONFIG_MAPPING, AutoConfig, PretrainedConfig

from .extensions_hybrid_mtl import __name__ as _extensions  # noqa: F401 (registers)
from .heads_hybrid_mtl import HEADS, LOSSES  # registers the kinds of tasks
from .modules_hybrid_mtl import attach_modules
from .multi_label_hybrid_mtl import __name__ as _multi_label  # noqa: F401 (registers)
from .ordinal_hybrid_mtl import __name__ as _ordinal  # noqa: F401 (registers)
from .pair_losses_hybrid_mtl import __name__ as _pair_losses  # noqa: F401 (registers)
from .ranking_hybrid_mtl import __name__ as _ranking  # noqa: F401 (registers)
from .shared_layers_hybrid_mtl import check_shared_layers
from .task_config_hybrid_mtl import TaskConfig, check_attention_heads
from .task_fields_hybrid_mtl import is_number

POOLINGS = ("mean", "cls", "pooler")
# The adapter that all tasks use.
SHARED_ADAPTER = "shared"


@dataclass
class AdapterConfig:
    """A LoRA adapter of some of the encoder's linear layers (arXiv:2106.09685).

    Attributes:
        target_modules: full names of the layers, or their last parts, such as `query`.
        rank: columns of B and rows of A.
        alpha: the updates are scaled by `alpha / rank`.
        dropout: dropout probability of the adapter's inputs.
    """

    target_modules: list[str]
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0


def check_adapters(entries: Any, tasks: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Check the adapters of a model and fill in their defaults.

    Raises:
        ValueError: naming the adapter and the invalid field.
    """
    if not isinstance(entries, dict):
        raise ValueError(f"adapters = {entries!r}: must be a mapping of names to fields")
    return {name: _check_adapter(name, entry, tasks) for name, entry in entries.items()}


def _check_adapter(name: str, entry: Any, tasks: dict[str, Any]) -> dict[str, Any]:
    if name != SHARED_ADAPTER and name not in tasks:
        raise ValueError(
            f"adapter '{name}': the name must be one of {', '.join([SHARED_ADAPTER, *tasks])}"
        )
    if name == SHARED_ADAPTER and name in tasks:
        raise ValueError(
            f"adapter '{name}' is shared by all tasks, but a task has this name; rename it"
        )
    if not isinstance(entry, dict):
        raise ValueError(f"adapter '{name}': expected a mapping of fields, got {entry!r}")
    fields = [f.name for f in dataclasses.fields(AdapterConfig)]
    for key in entry:
        if key not in fields:
            raise ValueError(
                f"adapter '{name}': unknown field '{key}'; must be one of {', '.join(fields)}"
            )
    adapter = AdapterConfig(**{"target_modules": [], **entry})

    def refuse(field_name: str, why: str) -> NoReturn:
        value = getattr(adapter, field_name)
        raise ValueError(f"adapter '{name}': field '{field_name}' = {value!r}: {why}")

    targets: Any = adapter.target_modules
    is_list = isinstance(targets, (list, tuple)) and len(targets) > 0
    if not is_list or not all(isinstance(target, str) and target for target in targets):
        refuse("target_modules", "must be a list of the names of linear layers")
    if type(adapter.rank) is not int or adapter.rank < 1:
        refuse("rank", "must be a positive integer")
    if not is_number(adapter.alpha) or not adapter.alpha > 0:
        refuse("alpha", "must be a positive number")
    if not is_number(adapter.dropout) or not 0 <= adapter.dropout < 1:
        refuse("dropout", "must be in [0, 1)")
    return {**dataclasses.asdict(adapter), "target_modules": list(targets)}


class HybridMTLConfig(PretrainedConfig):
    """Configuration of `HybridMTLModel`.

    Args:
        backbone_config: the encoder's configuration, an object or its dictionary with `model_type`;
            a default BERT if None.
        tasks: task name -> fields of `TaskConfig`.
        pooling: how token vectors become a sentence vector: `mean` over the tokens, `cls` (the
            first token) or `pooler` (the backbone's pooler).
        pooled_dropout: dropout probability on the pooled vector, for all tasks.
        adapters: task name -> fields of `AdapterConfig`; the adapter `shared` is used by all tasks.
        shared_hidden_sizes: widths of the layers between pooling and heads, shared by all tasks;
            the sentence vector is the output of the last one.
        shared_activation: `gelu`, `relu`, `silu` or `tanh`, after each of these layers.
        shared_dropout: dropout probability before each of these layers.

    Raises:
        ValueError: naming the task or adapter and field, or the option, that is invalid.
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
        shared_hidden_sizes: list[int] | None = None,
        shared_activation: str = "gelu",
        shared_dropout: float = 0.1,
        **kwargs,
    ):
        if backbone_config is None:
            backbone_config = CONFIG_MAPPING["bert"]()
        elif not isinstance(backbone_config, PretrainedConfig):
            backbone_config = _config_from_dict(backbone_config)
        _check_backbone(backbone_config)
        # Do not publish the local path of the weights.
        backbone_config._name_or_path = ""
        _check_pooling(pooling, pooled_dropout)
        sizes = check_shared_layers(shared_hidden_sizes, shared_activation, shared_dropout)
        if not isinstance(tasks, (dict, type(None))):
            raise ValueError(f"tasks = {tasks!r}: must be a mapping of task names to their fields")
        self.backbone_config = backbone_config
        try:
            checked = {n: TaskConfig.from_entry(n, entry) for n, entry in (tasks or {}).items()}
        except ValueError as error:
            hint = _extensions_hint(kwargs, tasks)
            raise ValueError(f"{error}; {hint}" if hint else str(error)) from error
        check_attention_heads(checked, backbone_config.hidden_size)
        self.tasks = {name: dataclasses.asdict(task) for name, task in checked.items()}
        self.pooling = pooling
        self.pooled_dropout = pooled_dropout
        self.shared_hidden_sizes = sizes
        self.shared_activation = shared_activation
        self.shared_dropout = shared_dropout
        self.adapters = check_adapters({} if adapters is None else adapters, self.tasks)
        for token in ("pad_token_id", "bos_token_id", "eos_token_id"):
            kwargs.setdefault(token, getattr(backbone_config, token, None))
        super().__init__(**kwargs)

    @classmethod
    def get_config_dict(cls, pretrained_model_name_or_path: Any, **kwargs) -> Any:
        """Load a configuration's dictionary.

        Raises:
            ValueError: if it is of another model type.
        """
        content, unused = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        kind = content.get("model_type", cls.model_type)
        if kind != cls.model_type:
            raise ValueError(
                f"'{pretrained_model_name_or_path}' is a {kind} model, expected {cls.model_type}; "
                f"to start from an encoder, call HybridMTLModel.from_backbone(name, tasks={{...}})"
            )
        pipelines = content.get("custom_pipelines")
        if kwargs.get("_from_pipeline", "") is None and isinstance(pipelines, dict):
            # `pipeline(model=...)` without a name asks for a model with one pipeline alone.
            own = {name: entry for name, entry in pipelines.items() if name == "hybrid-mtl"}
            content["custom_pipelines"] = own or pipelines
        return content, unused

    @property
    def id2label(self) -> dict[int, str] | None:
        """Return the classes of the first task with labels, for clients that expect one task.

        A model of scores only has one label, as regression models of transformers do. Without
        tasks, the value is that of transformers.
        """
        if not self.__dict__.get("tasks"):
            return self.__dict__.get("id2label")
        labels = (entry["labels"] for entry in self.tasks.values() if entry["labels"])
        return dict(enumerate(next(labels, ["LABEL_0"])))

    @id2label.setter
    def id2label(self, value: Any) -> None:
        # Keys of JSON objects are strings.
        current = None if self.id2label is None else {str(i): n for i, n in self.id2label.items()}
        new = {str(i): n for i, n in value.items()} if isinstance(value, dict) else value
        self._set_labels("id2label", value, new == current)

    @property
    def label2id(self) -> dict[str, int] | None:
        """Return the inverse of `id2label`."""
        if not self.__dict__.get("tasks"):
            return self.__dict__.get("label2id")
        return {name: index for index, name in (self.id2label or {}).items()}

    @label2id.setter
    def label2id(self, value: Any) -> None:
        self._set_labels("label2id", value, value == self.label2id)

    def _set_labels(self, name: str, value: Any, is_unchanged: bool) -> None:
        if self.__dict__.get("tasks") and value is not None and not is_unchanged:
            raise ValueError(
                f"{name}: cannot be set to {str(value)[:80]}; the labels and their number are "
                f"defined by the tasks, first {list((self.id2label or {}).values())}"
            )
        self.__dict__[name] = value

    def to_json_string(self, use_diff: bool = True) -> str:
        """Serialize the configuration, with the tasks in their order, since the first one
        matters."""
        content = json.loads(super().to_json_string(use_diff))
        content["tasks"] = {name: content["tasks"][name] for name in self.tasks}
        return json.dumps(content, indent=2) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as a dictionary, with the labels of the current tasks."""
        return {**super().to_dict(), "id2label": self.id2label, "label2id": self.label2id}

    def task(self, name: str) -> TaskConfig:
        """Return the configuration of one task.

        Raises:
            ValueError: if the model has no such task.
        """
        if name not in self.tasks:
            raise ValueError(f"no task '{name}' in this model; its tasks: {', '.join(self.tasks)}")
        return TaskConfig(**self.tasks[name])

    def get_text_config(self, decoder: bool | None = None, encoder: bool | None = None) -> Any:
        """Return the encoder's configuration, which contains the vocabulary size."""
        return self.backbone_config

    def adapters_of(self, task: str | None) -> tuple[str, ...]:
        """Return the names of the adapters that a task uses; if None, of those that all tasks use.

        Raises:
            ValueError: if the model has no such task.
        """
        if task is not None:
            self.task(task)
        return tuple(name for name in (SHARED_ADAPTER, task) if name in self.adapters)

    @property
    def hidden_size(self) -> int:
        """Return the width of the token vectors."""
        return self.backbone_config.hidden_size

    @property
    def sentence_vector_size(self) -> int:
        """Return the width of the sentence vector."""
        return [self.hidden_size, *self.shared_hidden_sizes][-1]


def _extensions_hint(config: dict[str, Any], tasks: Any) -> str:
    """Return a hint at the extension files of unregistered kinds or losses, or an empty string."""
    files = config.get("extensions")
    entries = [entry for entry in tasks.values() if isinstance(entry, dict)]
    missing = [e for e in entries if e.get("kind") not in HEADS or e.get("loss") not in LOSSES]
    if not files or not missing:
        return ""
    return (
        f"it is defined in {', '.join(map(str, files))} in the model's folder: review that code, "
        "and pass the file that it is a copy of with --extensions, or load the model with "
        "trust_remote_code=True"
    )


def _check_backbone(config: Any) -> None:
    if config.is_encoder_decoder:
        raise ValueError(
            f"backbone_config: a {config.model_type} model has a decoder; use an encoder such as "
            "BERT"
        )
    if not isinstance(getattr(config, "hidden_size", None), int):
        raise ValueError(
            f"backbone_config: a {config.model_type} model has no single hidden_size; use a text "
            f"encoder such as BERT"
        )


def _check_pooling(pooling: Any, dropout: Any) -> None:
    if pooling not in POOLINGS:
        raise ValueError(f"pooling = {pooling!r}: must be one of {', '.join(POOLINGS)}")
    if not is_number(dropout) or not 0 <= dropout < 1:
        raise ValueError(f"pooled_dropout = {dropout!r}: must be in [0, 1)")


def _config_from_dict(entry: Any) -> PretrainedConfig:
    if not isinstance(entry, dict):
        raise ValueError(f"backbone_config = {entry!r}: must be a configuration or a dictionary")
    fields = dict(entry)
    model_type = fields.pop("model_type", None)
    if model_type not in CONFIG_MAPPING:
        raise ValueError(
            f"backbone_config: model_type {model_type!r} is not a model type of transformers"
        )
    return CONFIG_MAPPING[model_type](**fields)


attach_modules(__name__)

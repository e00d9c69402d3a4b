"""Configuration of a hybrid multitask model: one backbone, one entry per task."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, NoReturn

from transformers import CONFIG_MAPPING, AutoConfig, PretrainedConfig

from .extensions_hybrid_mtl import __name__ as _extensions  # noqa: F401  which registers
from .heads_hybrid_mtl import HEADS, LOSSES  # with which come the kinds of tasks
from .modules_hybrid_mtl import attach_modules
from .task_config_hybrid_mtl import TaskConfig, is_number

POOLINGS = ("mean", "cls", "pooler")
# The adapter that every task uses.
SHARED_ADAPTER = "shared"


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
    if not is_number(adapter.alpha) or not adapter.alpha > 0:
        refuse("alpha", "must be a positive number")
    if not is_number(adapter.dropout) or not 0 <= adapter.dropout < 1:
        refuse("dropout", "must be a probability from 0 up to but not including 1")
    return {**dataclasses.asdict(adapter), "target_modules": list(targets)}


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
        if not is_number(pooled_dropout) or not 0 <= pooled_dropout < 1:
            raise ValueError(f"pooled_dropout = {pooled_dropout!r}: must be a probability below 1")
        if not isinstance(tasks, (dict, type(None))):
            raise ValueError(f"tasks = {tasks!r}: must be a mapping of task names to their fields")
        self.backbone_config = backbone_config
        try:
            self.tasks = {
                name: dataclasses.asdict(TaskConfig.from_entry(name, entry))
                for name, entry in (tasks or {}).items()
            }
        except ValueError as error:
            raise ValueError(f"{error}{_extensions_hint(kwargs, tasks)}") from error
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


def _extensions_hint(config: dict[str, Any], tasks: Any) -> str:
    """Say where the kinds of tasks and losses come from that are not there, if it is known."""
    files = config.get("extensions")
    entries = [entry for entry in tasks.values() if isinstance(entry, dict)]
    missing = [e for e in entries if e.get("kind") not in HEADS or e.get("loss") not in LOSSES]
    if not files or not missing:
        return ""
    return (
        f". It comes from {', '.join(map(str, files))} in the model's folder: read it, and load it "
        f"as an extension, or open the model with trust_remote_code=True"
    )


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

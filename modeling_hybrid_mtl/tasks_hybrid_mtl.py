"""Changes of the tasks of a trained model: heads removed or added."""

import copy
import dataclasses
from collections.abc import Collection
from typing import Any

from torch import Tensor
from transformers.utils import logging

from .adapters_hybrid_mtl import AdapterMixin
from .calibration_hybrid_mtl import CALIBRATION_FIELDS
from .configuration_hybrid_mtl import HybridMTLConfig, TaskConfig

logger = logging.get_logger(__name__)

# Fields of a task that affect its training only; all others but the calibration define its head.
TRAINING_FIELDS = ("dropout", "label_smoothing", "loss", "focal_gamma", "loss_weight")
# Options of the configuration that define the sentence vector, and those of training only.
DROPOUTS = ("pooled_dropout", "shared_dropout")
SENTENCE_OPTIONS = ("pooling", "shared_hidden_sizes", "shared_activation", *DROPOUTS)


def changed_fields(old: dict[str, Any], new: TaskConfig) -> list[str]:
    """Return the fields in which a task requires another head than the trained one."""
    entry = dataclasses.asdict(new)
    others = (*TRAINING_FIELDS, *CALIBRATION_FIELDS)
    return [f for f, value in entry.items() if f not in others and old.get(f) != value]


def kept_heads(old: dict[str, dict[str, Any]], new: dict[str, TaskConfig]) -> list[str]:
    """Return the tasks whose trained heads can be kept.

    Args:
        old: the tasks of a trained model's configuration.
        new: the requested tasks.
    """
    return [
        name for name, task in new.items() if name in old and not changed_fields(old[name], task)
    ]


def merge_shared_adapters(model: Any) -> None:
    """Merge the adapters that affect all tasks of a model into its encoder."""
    for name in list(model.config.adapters):
        if name not in model.config.tasks or len(model.config.tasks) == 1:
            model.merge_adapter(name)


def new_config(
    old: HybridMTLConfig, tasks: dict[str, TaskConfig], options: dict[str, Any]
) -> HybridMTLConfig:
    """Return the configuration of new tasks on a trained model's encoder and shared layers.

    Kept heads keep their adapters.

    Args:
        old: the trained model's.
        tasks: the new tasks.
        options: the `SENTENCE_OPTIONS` that are given.

    Raises:
        ValueError: if the encoder was trained with another pooling or other shared layers.
    """
    for name in SENTENCE_OPTIONS:
        trained = getattr(old, name)
        if name not in DROPOUTS and options.get(name, trained) != trained:
            raise ValueError(f"{name} = {options[name]!r}: the model was trained with {trained!r}")
    kept = kept_heads(old.tasks, tasks)
    return HybridMTLConfig(
        old.backbone_config,
        dict(tasks),
        adapters={name: entry for name, entry in old.adapters.items() if name in kept},
        **{name: options.get(name, getattr(old, name)) for name in SENTENCE_OPTIONS},
    )


def warn_changed_heads(source: str, old: HybridMTLConfig, tasks: dict[str, TaskConfig]) -> None:
    """Log which heads of a trained model are kept, new (and why) or dropped."""
    kept = kept_heads(old.tasks, tasks)
    new = [
        f"{name} ({', '.join(changed_fields(old.tasks[name], task))} changed)"
        if name in old.tasks
        else name
        for name, task in tasks.items()
        if name not in kept
    ]
    dropped = [name for name in old.tasks if name not in tasks]
    parts = {"heads kept": kept, "new heads": new, "dropped": dropped}
    summary = "; ".join(f"{label}: {', '.join(names) or 'none'}" for label, names in parts.items())
    logger.warning(f"The encoder comes from the trained model '{source}'; {summary}")


class TaskMixin(AdapterMixin):
    """The methods of `HybridMTLModel` that change its tasks."""

    def set_calibration(self, task: str, **values: Any) -> None:
        """Set fields of `CALIBRATION_FIELDS` of a task, in the configuration and the head.

        Raises:
            ValueError: naming the invalid task or field.
        """
        entry = dataclasses.replace(self.config.task(task), **values)
        checked = TaskConfig.from_entry(task, entry)
        self.config.tasks[task] = dataclasses.asdict(checked)
        self.heads[task].task = checked

    def without_tasks(self, names: Collection[str]) -> Any:
        """Return a copy of the model without the heads and adapters of some tasks.

        Raises:
            ValueError: if the model has no such task.
        """
        for name in names:
            self.config.task(name)
        config = copy.deepcopy(self.config)
        config.tasks = {n: task for n, task in config.tasks.items() if n not in names}
        config.adapters = {n: entry for n, entry in config.adapters.items() if n not in names}
        weights = self._weights_without(names)
        other = type(self).from_pretrained(
            None, config=config, state_dict=weights, dtype=self.dtype
        )
        return other.to(self.device)

    def _weights_without(self, names: Collection[str]) -> dict[str, Tensor]:
        """Return copies of all weights except the heads and adapters of some tasks."""
        prefixes = tuple(f"heads.{name}." for name in names)
        infixes = [f".lora_{side}.{name}." for side in "AB" for name in names]
        return {
            key: weight.clone()
            for key, weight in self.state_dict().items()
            if not key.startswith(prefixes) and not any(part in key for part in infixes)
        }

    def _with_new_tasks(
        self,
        tasks: dict[str, dict[str, Any] | TaskConfig],
        options: dict[str, Any],
        **kwargs,
    ) -> Any:
        """Return a model of other tasks on this encoder; heads of the same shape are kept.

        Adapters that affect all tasks are merged into the encoder, also in this model, which must
        not be used any more.

        Args:
            tasks: as for `from_backbone`.
            options: the `SENTENCE_OPTIONS` that are given.
            **kwargs: as for `from_backbone`.

        Raises:
            ValueError: naming the invalid task and field, or option.
        """
        new_tasks = {name: TaskConfig.from_entry(name, entry) for name, entry in tasks.items()}
        merge_shared_adapters(self)
        config = new_config(self.config, new_tasks, options)
        dropped = set(self.config.tasks) - set(kept_heads(self.config.tasks, new_tasks))
        model = type(self).from_pretrained(
            None, config=config, state_dict=self._weights_without(dropped), **kwargs
        )
        warn_changed_heads(self.name_or_path, self.config, new_tasks)
        model.name_or_path = model.config.name_or_path = self.name_or_path
        return model

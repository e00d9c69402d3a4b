"""A trained model with other tasks: without some of its heads, or with new ones beside them."""

import copy
import dataclasses
from collections.abc import Collection
from typing import Any

from torch import Tensor
from transformers.utils import logging

from .adapters_hybrid_mtl import WithAdapters
from .configuration_hybrid_mtl import HybridMTLConfig, TaskConfig

logger = logging.get_logger(__name__)

# Fields of a task that its training alone reads; all others say what its head computes.
OF_TRAINING = ("dropout", "label_smoothing", "loss", "loss_weight")


def changed_fields(old: dict[str, Any], new: TaskConfig) -> list[str]:
    """The fields in which a task's entry asks for another head than the one that was trained."""
    wanted = dataclasses.asdict(new)
    return [f for f, value in wanted.items() if f not in OF_TRAINING and old[f] != value]


def kept_heads(old: dict[str, dict[str, Any]], new: dict[str, TaskConfig]) -> list[str]:
    """The tasks whose trained heads do what is asked for.

    Args:
        old: the tasks of a trained model's configuration.
        new: the tasks that are asked for.
    """
    return [
        name for name, task in new.items() if name in old and not changed_fields(old[name], task)
    ]


def merge_shared_adapters(model: Any) -> None:
    """Leave in the encoder's weights what adapters add to them for every task of a model."""
    only = list(model.config.tasks) if len(model.config.tasks) == 1 else []
    for name in list(model.config.adapters):
        if name not in model.config.tasks or name in only:
            model.merge_adapter(name)


def new_config(
    old: HybridMTLConfig,
    tasks: dict[str, TaskConfig],
    pooling: str | None,
    pooled_dropout: float | None,
) -> HybridMTLConfig:
    """The configuration of a model of these tasks on a trained model's encoder.

    Kept heads keep their adapters: they read the encoder through them.

    Raises:
        ValueError: if the encoder was trained with another pooling.
    """
    if pooling not in (None, old.pooling):
        raise ValueError(f"pooling = '{pooling}': the trained model has '{old.pooling}'")
    kept = kept_heads(old.tasks, tasks)
    return HybridMTLConfig(
        old.backbone_config,
        dict(tasks),
        old.pooling,
        old.pooled_dropout if pooled_dropout is None else pooled_dropout,
        {name: entry for name, entry in old.adapters.items() if name in kept},
    )


def warn_changed_heads(place: str, old: HybridMTLConfig, tasks: dict[str, TaskConfig]) -> None:
    """Log which heads of a trained model go on, which are new ones and why."""
    kept = kept_heads(old.tasks, tasks)
    new = [
        f"{name} ({', '.join(changed_fields(old.tasks[name], task))} changed)"
        if name in old.tasks
        else name
        for name, task in tasks.items()
        if name not in kept
    ]
    dropped = [name for name in old.tasks if name not in tasks]
    parts = {"heads kept": kept, "new heads": new, "left out": dropped}
    told = "; ".join(f"{what}: {', '.join(names) or 'none'}" for what, names in parts.items())
    logger.warning(f"The encoder comes from the trained model '{place}'; {told}")


class WithTasks(WithAdapters):
    """The part of `HybridMTLModel` that has to do with which tasks it has."""

    def without_tasks(self, names: Collection[str]) -> Any:
        """A copy of this model without the heads and adapters of some tasks.

        Raises:
            ValueError: if the model has no task of that name.
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
        """Copies of the weights but for the heads and adapters of some tasks."""
        beginnings = tuple(f"heads.{name}." for name in names)
        inside = [f".lora_{side}.{name}." for side in "AB" for name in names]
        return {
            key: weight.clone()
            for key, weight in self.state_dict().items()
            if not key.startswith(beginnings) and not any(part in key for part in inside)
        }

    def _restarted(
        self,
        tasks: dict[str, dict[str, Any] | TaskConfig],
        pooling: str | None = None,
        pooled_dropout: float | None = None,
        **kwargs,
    ) -> Any:
        """A model of these tasks on this one's encoder; heads of the same shape are kept.

        Adapters that every task reads the encoder through are folded into it, in this model, too,
        which is of no more use.

        Args:
            tasks: as for `from_backbone`, and so the others.

        Raises:
            ValueError: naming the task and field, or the option, that is wrong.
        """
        wanted = {name: TaskConfig.from_entry(name, entry) for name, entry in tasks.items()}
        merge_shared_adapters(self)
        config = new_config(self.config, wanted, pooling, pooled_dropout)
        gone = set(self.config.tasks) - set(kept_heads(self.config.tasks, wanted))
        model = type(self).from_pretrained(
            None, config=config, state_dict=self._weights_without(gone), **kwargs
        )
        warn_changed_heads(self.name_or_path, self.config, wanted)
        model.name_or_path = model.config.name_or_path = self.name_or_path
        return model

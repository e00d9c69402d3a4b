"""The LoRA adapters of a model: one per task, and one for all tasks."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from transformers import PreTrainedModel

from .configuration_hybrid_mtl import SHARED_ADAPTER, AdapterConfig, check_adapters
from .lora_hybrid_mtl import (
    ActiveAdapters,
    adapted_layers,
    add_adapter,
    merge_adapter_weights,
    remove_adapter,
)


def _refuse(name: str, instead: str) -> NoReturn:
    raise ValueError(
        f"{name}() is not supported: it manages peft adapters, and this model has its own. "
        f"{instead}. To wrap the model with peft, call peft.get_peft_model(model, config)"
    )


class AdapterMixin(PreTrainedModel):
    """The adapter methods of `HybridMTLModel`."""

    backbone: Any
    without_tasks: Callable[..., Any]

    def build_adapters(self) -> None:
        """Add the configured adapters to a new encoder."""
        self._active = ActiveAdapters()
        for name, entry in self.config.adapters.items():
            add_adapter(self.backbone, self._active, name, AdapterConfig(**entry))

    def activate_adapters(self, task: str | None) -> None:
        """Activate the adapters of a task; if None, only those shared by all tasks."""
        self._active.names = self.config.adapters_of(task)

    def initialize_weights(self) -> None:
        """Initialize the weights that no checkpoint provided."""
        super().initialize_weights()
        for layer in adapted_layers(self.backbone).values():
            layer.init_adapters()

    def attach_task_adapters(
        self,
        names: Iterable[str],
        *,
        target_modules: list[str],
        rank: int = 8,
        alpha: float = 16.0,
        dropout: float = 0.0,
    ) -> None:
        """Add adapters to the encoder, at first without effect.

        Args:
            names: tasks, or `shared` for an adapter that all tasks use.
            target_modules: see `AdapterConfig`, also for the other arguments.

        Raises:
            ValueError: if an adapter exists already, or a field is invalid.
        """
        entry = dataclasses.asdict(AdapterConfig(target_modules, rank, alpha, dropout))
        for name in names:
            if name in self.config.adapters:
                raise ValueError(f"adapter '{name}' exists already")
            checked = check_adapters({**self.config.adapters, name: entry}, self.config.tasks)
            add_adapter(self.backbone, self._active, name, AdapterConfig(**checked[name]))
            self.config.adapters = checked

    def merge_adapter(self, name: str) -> None:
        """Merge an adapter into the encoder's weights, for all tasks, and remove it.

        Raises:
            ValueError: if there is no such adapter, or other tasks use the encoder without it.
        """
        self._check_has_adapter(name)
        if name != SHARED_ADAPTER and len(self.config.tasks) > 1:
            raise ValueError(
                f"adapter '{name}': other tasks use the encoder without it; merged('{name}') "
                "returns a model of this task only"
            )
        merge_adapter_weights(self.backbone, name)
        self.config.adapters = {n: e for n, e in self.config.adapters.items() if n != name}

    def delete_adapter(self, adapter_names: str | Iterable[str]) -> None:
        """Remove adapters and their updates.

        Raises:
            ValueError: if one of them does not exist; then none is removed.
        """
        names = [adapter_names] if isinstance(adapter_names, str) else list(adapter_names)
        for name in names:
            self._check_has_adapter(name)
        for name in names:
            remove_adapter(self.backbone, name)
        self.config.adapters = {n: e for n, e in self.config.adapters.items() if n not in names}

    # transformers' methods for peft adapters would not affect the adapters of the tasks, and their
    # adapters would not be saved with the model.

    def add_adapter(self, *args, **kwargs) -> NoReturn:
        """Raise ValueError: use `attach_task_adapters`."""
        _refuse(
            "add_adapter",
            "Call attach_task_adapters([task], target_modules=[...]) to add an adapter to a task",
        )

    def load_adapter(self, *args, **kwargs) -> NoReturn:
        """Raise ValueError: adapters are loaded with the model."""
        _refuse("load_adapter", "Adapters are loaded with the model")

    def set_adapter(self, *args, **kwargs) -> NoReturn:
        """Raise ValueError: the `task` of a call selects its adapter."""
        _refuse("set_adapter", "model(..., task=name) uses the adapter of the task")

    def active_adapters(self) -> NoReturn:
        """Raise ValueError: each call activates the adapters of its task."""
        _refuse("active_adapters", "config.adapters_of(task) returns the adapters that a call uses")

    def enable_adapters(self) -> NoReturn:
        """Raise ValueError: adapters are always enabled for their task."""
        _refuse("enable_adapters", "Each adapter is always enabled for its task, and for no other")

    def disable_adapters(self) -> NoReturn:
        """Raise ValueError: adapters are always enabled for their task."""
        _refuse(
            "disable_adapters",
            "A call without a task uses the encoder without the adapters of tasks",
        )

    def enable_peft_hotswap(self, *args, **kwargs) -> NoReturn:
        """Raise ValueError: each task has its own adapter."""
        _refuse("enable_peft_hotswap", "Each task has its own adapter")

    def get_adapter_state_dict(self, *args, **kwargs) -> NoReturn:
        """Raise ValueError: `state_dict` contains all adapters."""
        _refuse(
            "get_adapter_state_dict",
            "state_dict() contains the adapters, as '...lora_A.NAME.weight'",
        )

    def _check_has_adapter(self, name: str) -> None:
        if name not in self.config.adapters:
            names = ", ".join(self.config.adapters) or "none"
            raise ValueError(f"this model has no adapter '{name}'; its adapters: {names}")

    def merged(self, task: str) -> Any:
        """Return a model of one task, with its adapters merged into the encoder.

        Raises:
            ValueError: if the model has no such task.
        """
        self.config.task(task)
        model = self.without_tasks([name for name in self.config.tasks if name != task])
        for name in list(model.config.adapters):
            model.merge_adapter(name)
        return model

"""LoRA adapters of an encoder's linear layers (https://arxiv.org/abs/2106.09685)."""

import dataclasses
import math
import threading
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers import initialization as init

from .configuration_hybrid_mtl import SHARED_ADAPTER, AdapterConfig, check_adapters


class ActiveAdapters:
    """The names of the active adapters, shared by all adapted layers of an encoder.

    Each thread has its own setting, so that concurrent calls for different tasks do not interfere.
    The setting outlasts the forward pass, for the recomputation of activations in a backward pass.
    A thread without a setting, such as that of a backward pass on a GPU, gets the latest one.
    """

    def __init__(self, names: tuple[str, ...] = ()):
        self._local = threading.local()
        self._last = names

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of this thread's active adapters."""
        return getattr(self._local, "names", self._last)

    @names.setter
    def names(self, names: tuple[str, ...]) -> None:
        self._local.names = self._last = names

    def __reduce__(self) -> tuple[type["ActiveAdapters"], tuple[()]]:
        # Thread-local data can be neither copied nor pickled; the next pass sets it anyway.
        return ActiveAdapters, ()


class LoRALinear(nn.Linear):
    """A linear layer with low-rank updates, one per adapter.

    It computes `W x + b` and adds `alpha / rank * B A dropout(x)` for each active adapter (Hu et
    al. 2021, eq. 3). A is initialized as the weight of a linear layer, B with zeros, so that a new
    adapter has no effect.
    """

    active: ActiveAdapters
    lora_A: nn.ModuleDict  # noqa: N815
    lora_B: nn.ModuleDict  # noqa: N815
    scales: dict[str, float]
    dropouts: dict[str, float]

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        output = super().forward(x)
        for name in self.active.names:
            if name in self.lora_A:
                dropped = functional.dropout(x, self.dropouts[name], self.training)
                update = self.lora_B[name](self.lora_A[name](dropped))
                output = output + self.scales[name] * update
        return output

    def add_adapter(self, name: str, adapter: AdapterConfig) -> None:
        """Add an adapter with the device and dtype of the weight."""
        factory = {"device": self.weight.device, "dtype": self.weight.dtype}
        self.lora_A[name] = nn.Linear(self.in_features, adapter.rank, bias=False, **factory)
        self.lora_B[name] = nn.Linear(adapter.rank, self.out_features, bias=False, **factory)
        nn.init.zeros_(self.lora_B[name].weight)  # type: ignore[arg-type]
        self.scales[name] = adapter.alpha / adapter.rank
        self.dropouts[name] = adapter.dropout

    def init_adapters(self) -> None:
        """Initialize the adapter weights that no checkpoint provided."""
        for name in self.scales:
            a: Any = self.lora_A[name]
            b: Any = self.lora_B[name]
            init.kaiming_uniform_(a.weight, a=math.sqrt(5))
            init.zeros_(b.weight)

    @torch.no_grad()
    def delta_weight(self, name: str) -> Tensor:
        """Return the weight update of an adapter, (out, in), in float32."""
        a: Any = self.lora_A[name]
        b: Any = self.lora_B[name]
        return self.scales[name] * (b.weight.float() @ a.weight.float())


def adapted_layers(encoder: nn.Module) -> dict[str, LoRALinear]:
    """Return the layers with adapters: name in the encoder -> layer."""
    return {n: layer for n, layer in encoder.named_modules() if isinstance(layer, LoRALinear)}


def target_layers(encoder: nn.Module, targets: Iterable[str]) -> dict[str, nn.Linear]:
    """Return the linear layers whose name equals a target or ends with it, such as `query`.

    Raises:
        ValueError: if a target matches no layer, or a layer that is not linear.
    """
    matches: dict[str, nn.Linear] = {}
    for target in targets:
        layers = {n: m for n, m in encoder.named_modules() if f".{n}".endswith(f".{target}")}
        # Subclasses of nn.Linear may compute something else.
        wrong = next((n for n, m in layers.items() if type(m) not in (nn.Linear, LoRALinear)), None)
        if wrong is not None:
            raise ValueError(f"target_modules: '{wrong}' is not a linear layer; name linear layers")
        if not layers:
            linear = {n.split(".")[-1] for n, m in encoder.named_modules() if type(m) is nn.Linear}
            raise ValueError(
                f"target_modules: '{target}' matches no layer of the encoder; its linear layers "
                f"are {', '.join(sorted(linear))}"
            )
        matches.update(layers)  # type: ignore[arg-type]
    return matches


def add_adapter(
    encoder: nn.Module, active: ActiveAdapters, name: str, adapter: AdapterConfig
) -> None:
    """Add an adapter to each layer that it targets.

    Raises:
        ValueError: as `target_layers`.
    """
    for layer in target_layers(encoder, adapter.target_modules).values():
        _to_lora(layer, active).add_adapter(name, adapter)


def merge_adapter_weights(encoder: nn.Module, name: str) -> None:
    """Add the updates of an adapter to the weights, and remove the adapter."""
    for layer in adapted_layers(encoder).values():
        if name in layer.scales:
            layer.weight.data += layer.delta_weight(name).to(layer.weight.dtype)
    remove_adapter(encoder, name)


def remove_adapter(encoder: nn.Module, name: str) -> None:
    """Remove an adapter and its updates."""
    for layer in adapted_layers(encoder).values():
        if name in layer.scales:
            for entries in (layer.lora_A, layer.lora_B, layer.scales, layer.dropouts):
                del entries[name]
        if not layer.scales:
            _to_linear(layer)


# A layer's class is changed in place, as by torch's parametrizations: the parent module, the hooks
# and the keys of the weights stay the same.


def _to_lora(layer: nn.Linear, active: ActiveAdapters) -> LoRALinear:
    if not isinstance(layer, LoRALinear):
        layer.__class__ = LoRALinear
        layer.active = active  # type: ignore[assignment]
        layer.lora_A, layer.lora_B = nn.ModuleDict(), nn.ModuleDict()
        layer.scales, layer.dropouts = {}, {}  # type: ignore[assignment]
    return layer  # type: ignore[return-value]


def _to_linear(layer: LoRALinear) -> None:
    for name in ("active", "lora_A", "lora_B", "scales", "dropouts"):
        delattr(layer, name)
    layer.__class__ = nn.Linear  # type: ignore[assignment]


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

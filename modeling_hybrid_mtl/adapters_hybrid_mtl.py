"""Low-rank additions to an encoder's linear layers: LoRA, https://arxiv.org/abs/2106.09685."""

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


class Switch:
    """Which adapters the layers of one encoder add; they all look here.

    Each thread has a setting of its own, so that callers who ask for different tasks at once do not
    get one another's. It stays as the thread's last forward pass set it, so that a backward pass
    which computes activations again finds the same ones; a thread that never set it, such as those
    of a backward pass on a GPU, finds what was set last.
    """

    def __init__(self, on: tuple[str, ...] = ()):
        self._own = threading.local()
        self._last = on

    @property
    def on(self) -> tuple[str, ...]:
        """The names of the adapters."""
        return getattr(self._own, "on", self._last)

    @on.setter
    def on(self, names: tuple[str, ...]) -> None:
        self._own.on = self._last = names

    def __reduce__(self) -> tuple[type["Switch"], tuple[()]]:
        # What belongs to a thread can be neither copied nor pickled; the next pass sets it anyway.
        return Switch, ()


class LoRALinear(nn.Linear):
    """A linear layer with low-rank additions, one per adapter.

    It computes `W x + b` and, for each adapter that is switched on, `alpha / rank * B A dropout(x)`
    (Hu et al. 2021, eq. 3). A is drawn as the weight of a linear layer is, and B begins at zero, so
    that a new adapter changes nothing.
    """

    switch: Switch
    lora_A: nn.ModuleDict  # noqa: N815
    lora_B: nn.ModuleDict  # noqa: N815
    scales: dict[str, float]
    dropouts: dict[str, float]

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        output = super().forward(x)
        for name in self.switch.on:
            if name in self.lora_A:
                dropped = functional.dropout(x, self.dropouts[name], self.training)
                addition = self.lora_B[name](self.lora_A[name](dropped))
                output = output + self.scales[name] * addition
        return output

    def add(self, name: str, adapter: AdapterConfig) -> None:
        """Give this layer an adapter, with the weight's device and dtype."""
        place = {"device": self.weight.device, "dtype": self.weight.dtype}
        self.lora_A[name] = nn.Linear(self.in_features, adapter.rank, bias=False, **place)
        self.lora_B[name] = nn.Linear(adapter.rank, self.out_features, bias=False, **place)
        nn.init.zeros_(self.lora_B[name].weight)  # type: ignore[arg-type]
        self.scales[name] = adapter.alpha / adapter.rank
        self.dropouts[name] = adapter.dropout

    def initialize(self) -> None:
        """Draw the matrices again, but for those that a checkpoint gave."""
        for name in self.scales:
            a: Any = self.lora_A[name]
            b: Any = self.lora_B[name]
            init.kaiming_uniform_(a.weight, a=math.sqrt(5))
            init.zeros_(b.weight)

    @torch.no_grad()
    def delta_weight(self, name: str) -> Tensor:
        """What an adapter adds to the weight, (out, in), in float32."""
        a: Any = self.lora_A[name]
        b: Any = self.lora_B[name]
        return self.scales[name] * (b.weight.float() @ a.weight.float())


def adapted_layers(encoder: nn.Module) -> dict[str, LoRALinear]:
    """The layers with adapters, by their names in the encoder."""
    return {n: layer for n, layer in encoder.named_modules() if isinstance(layer, LoRALinear)}


def matching_layers(encoder: nn.Module, targets: Iterable[str]) -> dict[str, nn.Linear]:
    """The linear layers that a target names: by their last names, such as `query`, or all of it.

    Raises:
        ValueError: naming the target that matches nothing, or something other than a linear layer.
    """
    found: dict[str, nn.Linear] = {}
    for target in targets:
        layers = {n: m for n, m in encoder.named_modules() if f".{n}".endswith(f".{target}")}
        # Whoever derives from nn.Linear may compute in ways of its own.
        wrong = next((n for n, m in layers.items() if type(m) not in (nn.Linear, LoRALinear)), None)
        if wrong is not None:
            raise ValueError(f"target_modules: '{wrong}' is no linear layer; name linear layers")
        if not layers:
            linear = {n.split(".")[-1] for n, m in encoder.named_modules() if type(m) is nn.Linear}
            raise ValueError(
                f"target_modules: '{target}' matches no layer of the encoder; its linear layers: "
                f"{', '.join(sorted(linear))}"
            )
        found.update(layers)  # type: ignore[arg-type]
    return found


def add_adapter(encoder: nn.Module, switch: Switch, name: str, adapter: AdapterConfig) -> None:
    """Give an adapter to each layer that it targets.

    Raises:
        ValueError: if a target matches nothing.
    """
    for layer in matching_layers(encoder, adapter.target_modules).values():
        _with_adapters(layer, switch).add(name, adapter)


def merge_adapter_into(encoder: nn.Module, name: str) -> None:
    """Take an adapter away and leave in the weights what it added to them."""
    for layer in adapted_layers(encoder).values():
        if name in layer.scales:
            layer.weight.data += layer.delta_weight(name).to(layer.weight.dtype)
    remove_adapter(encoder, name)


def remove_adapter(encoder: nn.Module, name: str) -> None:
    """Take an adapter away, and with it all that it added."""
    for layer in adapted_layers(encoder).values():
        if name in layer.scales:
            for entries in (layer.lora_A, layer.lora_B, layer.scales, layer.dropouts):
                del entries[name]
        if not layer.scales:
            _without_adapters(layer)


# A layer changes its class in place, as under torch's parametrizations: its parents, its hooks and
# the keys of its weights need not know.


def _with_adapters(layer: nn.Linear, switch: Switch) -> LoRALinear:
    if not isinstance(layer, LoRALinear):
        layer.__class__ = LoRALinear
        layer.switch = switch  # type: ignore[assignment]
        layer.lora_A, layer.lora_B = nn.ModuleDict(), nn.ModuleDict()
        layer.scales, layer.dropouts = {}, {}  # type: ignore[assignment]
    return layer  # type: ignore[return-value]


def _without_adapters(layer: LoRALinear) -> None:
    for name in ("switch", "lora_A", "lora_B", "scales", "dropouts"):
        delattr(layer, name)
    layer.__class__ = nn.Linear  # type: ignore[assignment]


def _refuse(name: str, instead: str) -> NoReturn:
    raise ValueError(
        f"{name}() is for adapters of peft's, which this model does not hold: {instead}; a model "
        f"with one of peft's around it is peft.get_peft_model(model, config)"
    )


class WithAdapters(PreTrainedModel):
    """The part of `HybridMTLModel` that has to do with adapters."""

    backbone: Any
    without_tasks: Callable[..., Any]

    def build_adapters(self) -> None:
        """Add the adapters of the configuration to a new encoder."""
        self._switch = Switch()
        for name, entry in self.config.adapters.items():
            add_adapter(self.backbone, self._switch, name, AdapterConfig(**entry))

    def switch_adapters(self, task: str | None) -> None:
        """Let the encoder add the adapters of a task, or those of no task in particular."""
        self._switch.on = self.config.adapters_of(task)

    def initialize_weights(self) -> None:
        """Initialise what no checkpoint gave."""
        super().initialize_weights()
        # The encoder, which initialises its own layers, knows no low-rank additions.
        for layer in adapted_layers(self.backbone).values():
            layer.initialize()

    def attach_task_adapters(
        self,
        names: Iterable[str],
        *,
        target_modules: list[str],
        rank: int = 8,
        alpha: float = 16.0,
        dropout: float = 0.0,
    ) -> None:
        """Add low-rank additions to the encoder, at first without any effect.

        Args:
            names: whose they are: tasks, or `shared` for one that every task uses.
            target_modules: see `AdapterConfig`, as for the others.
            rank: columns of B and rows of A.
            alpha: the additions are scaled by `alpha / rank`.
            dropout: dropout probability of what the additions read.

        Raises:
            ValueError: if there is one of that name already, or naming the field that is wrong.
        """
        entry = {
            "target_modules": target_modules,
            "rank": rank,
            "alpha": alpha,
            "dropout": dropout,
        }
        for name in names:
            if name in self.config.adapters:
                raise ValueError(f"adapter '{name}': is there already")
            checked = check_adapters({**self.config.adapters, name: entry}, self.config.tasks)
            add_adapter(self.backbone, self._switch, name, AdapterConfig(**checked[name]))
            self.config.adapters = checked

    def merge_adapter(self, name: str) -> None:
        """Fold an adapter into the encoder's weights, for all tasks, and remove it.

        Raises:
            ValueError: if there is none of that name, or other tasks read the encoder without it.
        """
        self._check_has_adapter(name)
        if name != SHARED_ADAPTER and len(self.config.tasks) > 1:
            raise ValueError(
                f"adapter '{name}': the other tasks read the encoder without it; merged('{name}') "
                f"makes a model of this task alone"
            )
        merge_adapter_into(self.backbone, name)
        self.config.adapters = {n: e for n, e in self.config.adapters.items() if n != name}

    def delete_adapter(self, adapter_names: str | Iterable[str]) -> None:
        """Remove adapters, and with them what they add to the encoder.

        Raises:
            ValueError: if there is none of that name; then all stay.
        """
        names = [adapter_names] if isinstance(adapter_names, str) else list(adapter_names)
        for name in names:
            self._check_has_adapter(name)
        for name in names:
            remove_adapter(self.backbone, name)
        self.config.adapters = {n: e for n, e in self.config.adapters.items() if n not in names}

    # What transformers offers for peft's adapters would go past those of the tasks: nothing of it
    # would be saved with the model.

    def add_adapter(self, *args, **kwargs) -> NoReturn:
        """Refuse: see `attach_task_adapters`."""
        _refuse(
            "add_adapter",
            "attach_task_adapters([task], target_modules=[...]) gives a task an adapter",
        )

    def load_adapter(self, *args, **kwargs) -> NoReturn:
        """Refuse: adapters are loaded with their model."""
        _refuse("load_adapter", "a model's adapters are loaded with it")

    def set_adapter(self, *args, **kwargs) -> NoReturn:
        """Refuse: a call that names a task switches to its adapter."""
        _refuse("set_adapter", "model(..., task=name) reads the encoder through the task's adapter")

    def active_adapters(self) -> NoReturn:
        """Refuse: which adapters are active is a matter of each call."""
        _refuse("active_adapters", "config.adapters_of(task) names those that a call reads through")

    def enable_adapters(self) -> NoReturn:
        """Refuse: adapters are always on, each for its task."""
        _refuse("enable_adapters", "each adapter is always on for its task, and for no other")

    def disable_adapters(self) -> NoReturn:
        """Refuse: adapters are always on, each for its task."""
        _refuse(
            "disable_adapters", "a call without a task reads the encoder without their adapters"
        )

    def enable_peft_hotswap(self, *args, **kwargs) -> NoReturn:
        """Refuse: there is nothing to swap."""
        _refuse("enable_peft_hotswap", "each task has an adapter of its own")

    def get_adapter_state_dict(self, *args, **kwargs) -> NoReturn:
        """Refuse: the weights of all adapters are in the model's own."""
        _refuse("get_adapter_state_dict", "state_dict() has them, as '...lora_A.NAME.weight'")

    def _check_has_adapter(self, name: str) -> None:
        if name not in self.config.adapters:
            known = ", ".join(self.config.adapters) or "none"
            raise ValueError(f"adapter '{name}': is not in this model; its adapters: {known}")

    def merged(self, task: str) -> Any:
        """A model of one task alone, its adapters folded into its encoder.

        Raises:
            ValueError: if the model has no task of that name.
        """
        self.config.task(task)
        model = self.without_tasks([name for name in self.config.tasks if name != task])
        for name in list(model.config.adapters):
            model.merge_adapter(name)
        return model

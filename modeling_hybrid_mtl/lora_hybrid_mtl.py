"""Linear layers with LoRA updates (https://arxiv.org/abs/2106.09685)."""

import math
import threading
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import initialization as init

from .configuration_hybrid_mtl import AdapterConfig


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

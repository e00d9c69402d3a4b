"""The depth of parameters for layer-wise learning-rate decay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from trainer.errors import InputError
from trainer.optimization.groups import Named, unwrapped

_TOKENS = 8  # length of the probe text; encoders that pool tokens need several


def params_by_layer(model: nn.Module, parameters: Named) -> dict[int, Named]:
    """Group the shared parameters by their depth below the top of the encoder.

    Modules are ordered by their calls in a forward pass: modules between two layers belong to the
    lower one, independent of their order in the encoder's definition.

    Returns:
        0 -> parameters of the last layer and of modules after it, also outside the encoder, 1 -> of
        the layer before it, and so on; the last entry has those before the first layer, and all
        embedding tables.

    Raises:
        InputError: if the encoder has no list of layers.
    """
    backbone: Any = unwrapped(model).backbone
    layers = _layer_by_module(backbone)
    params: dict[int, Named] = {}
    count = backbone.config.num_hidden_layers
    for name, parameter in parameters:
        module = name.removeprefix("backbone.").rpartition(".")[0]
        layer = layers[module] if name.startswith("backbone.") else count - 1
        params.setdefault(count - 1 - layer, []).append((name, parameter))
    return dict(sorted(params.items()))


def _layer_by_module(backbone: Any) -> dict[str, int]:
    """Return module name -> layer, -1 before the first layer and for embedding tables."""
    stacked = _layer_by_stacked_module(backbone)
    layers, called = dict(stacked), dict[str, int]()
    reached = -1
    for name in _call_order(backbone):
        reached = max(reached, stacked.get(name, -1))
        called.setdefault(name, reached)
    before = -1
    for name, module in backbone.named_modules():
        before = max(before, called.get(name, -1))
        # Tables may be used without a call or between layers, such as relative positions.
        is_table = isinstance(module, nn.Embedding)
        layers.setdefault(name, -1 if is_table else called.get(name, before))
    return layers


def _layer_by_stacked_module(backbone: Any) -> dict[str, int]:
    """Return module name -> layer for the modules in lists of layers, or of parts of layers."""
    count = backbone.config.num_hidden_layers
    layers: dict[str, int] = {}
    for name, module in backbone.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count and name not in layers:
            for layer, part in enumerate(module):
                layers[f"{name}.{layer}"] = layer
                layers.update({f"{name}.{layer}.{n}": layer for n, _ in part.named_modules() if n})
    if not layers:
        raise InputError(
            f"layer_decay: an encoder of type {backbone.config.model_type} has no list of layers; "
            f"unset it"
        )
    return layers


def _call_order(backbone: Any) -> list[str]:
    """Return the names of an encoder's modules in the order of their calls."""
    order: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: order.append(name))
        for name, module in backbone.named_modules()
    ]
    device = next(backbone.parameters()).device
    ids = torch.ones(1, _TOKENS, dtype=torch.long, device=device)
    try:
        with torch.no_grad(), _eval_mode(backbone):
            backbone(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        for hook in hooks:
            hook.remove()
    return order


@contextmanager
def _eval_mode(module: nn.Module) -> Iterator[None]:
    """Disable dropout in the block, which would draw random numbers."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)

"""Layer-wise learning-rate decay: the nearer to the input, the smaller the steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from trainer.errors import InputError
from trainer.optimization.groups import Named, unwrapped

_TOKENS = 8  # of the text that shows the order; encoders that shorten texts need a few


def params_by_layer(model: nn.Module, parameters: Named) -> dict[int, Named]:
    """Sort the shared parameters by their distance from the top of the encoder.

    Their order is that in which the encoder reads a text: what comes between two layers goes with
    the one before it, whatever place it has among the encoder's modules.

    Returns:
        0 -> the last layer's and all behind it, 1 -> the layer's before it, and so on; all that
        stands in front of the first layer, and tables of embeddings wherever they are, come last.

    Raises:
        InputError: if the encoder has no list of layers to tell them apart by.
    """
    backbone: Any = unwrapped(model).backbone
    layers = _layers_of_modules(backbone)
    found: dict[int, Named] = {}
    count = backbone.config.num_hidden_layers
    for name, parameter in parameters:
        module = name.removeprefix("backbone.").rpartition(".")[0]
        found.setdefault(count - 1 - layers[module], []).append((name, parameter))
    return dict(sorted(found.items()))


def _layers_of_modules(backbone: Any) -> dict[str, int]:
    """The layer that each module goes with, by the module's name; -1 for none of them."""
    stacked = _stacked(backbone)
    layers, called = dict(stacked), dict[str, int]()
    reached = -1
    for name in _in_order_of_calls(backbone):
        reached = max(reached, stacked.get(name, -1))
        called.setdefault(name, reached)
    before = -1
    for name, module in backbone.named_modules():
        before = max(before, called.get(name, -1))
        # Tables may be read without being called, or between layers, as those of distances are.
        is_table = isinstance(module, nn.Embedding)
        layers.setdefault(name, -1 if is_table else called.get(name, before))
    return layers


def _stacked(backbone: Any) -> dict[str, int]:
    """The layer of every module in one, by the module's name.

    An encoder may have its layers in one list, or their parts in several of the same length.
    """
    count = backbone.config.num_hidden_layers
    found: dict[str, int] = {}
    for name, module in backbone.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count and name not in found:
            for layer, part in enumerate(module):
                found.update({f"{name}.{layer}": layer})
                found.update({f"{name}.{layer}.{n}": layer for n, _ in part.named_modules() if n})
    if not found:
        raise InputError(
            f"layer_decay: an encoder of type {backbone.config.model_type} has no list of layers; "
            f"leave it out"
        )
    return found


def _in_order_of_calls(backbone: Any) -> list[str]:
    """The names of an encoder's modules in the order in which it calls them for a text."""
    order: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: order.append(name))
        for name, module in backbone.named_modules()
    ]
    device = next(backbone.parameters()).device
    ids = torch.ones(1, _TOKENS, dtype=torch.long, device=device)
    try:
        with torch.no_grad(), _evaluating(backbone):
            backbone(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        for hook in hooks:
            hook.remove()
    return order


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Without dropout inside the block, which would draw random numbers."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)

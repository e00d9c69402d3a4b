"""Layer-wise learning-rate decay: the nearer to the input, the smaller the steps."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from trainer.errors import InputError
from trainer.optimization.groups import Named, unwrapped


def by_depth(model: nn.Module, parameters: Named) -> dict[int, Named]:
    """The shared parameters by their distance from the top of the encoder.

    Returns:
        0 -> the last layer's and all behind it, 1 -> the layer's before it, and so on; the
        embeddings' come last.

    Raises:
        InputError: if the encoder has no list of layers to tell them apart by.
    """
    backbone: Any = unwrapped(model).backbone
    count = backbone.config.num_hidden_layers
    stacks = [
        name
        for name, module in backbone.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    ]
    if not stacks:
        kind = backbone.config.model_type
        raise InputError(
            f"layer_decay: an encoder of type {kind} has no list of layers; leave it out"
        )
    layer = re.compile(rf"backbone\.{re.escape(stacks[0])}\.(\d+)\.")
    found: dict[int, Named] = {}
    embeddings = {id(p) for p in _embeddings(backbone)}
    for name, parameter in parameters:
        match = layer.match(name)
        depth = count - 1 - int(match[1]) if match else 0
        if id(parameter) in embeddings:
            depth = count
        found.setdefault(depth, []).append((name, parameter))
    return dict(sorted(found.items()))


def _embeddings(backbone: Any) -> list[nn.Parameter]:
    """All that stands in front of the first layer: the module that holds the word embeddings."""
    words = backbone.get_input_embeddings()
    holder = next(
        module for module in backbone.children() if any(part is words for part in module.modules())
    )
    return list(holder.parameters())

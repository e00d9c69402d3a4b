"""The layers between the pooling of an encoder and the heads, shared by all tasks."""

from itertools import pairwise
from typing import Any

from torch import nn

from .heads_hybrid_mtl import ACTIVATION_LAYERS
from .task_fields_hybrid_mtl import is_number


def check_shared_layers(sizes: Any, activation: Any, dropout: Any) -> list[int]:
    """Check the options of shared layers, as for `HybridMTLConfig`, and return their sizes.

    Raises:
        ValueError: naming the option that is invalid.
    """
    sizes = [] if sizes is None else sizes
    if not isinstance(sizes, (list, tuple)) or not all(type(s) is int and s > 0 for s in sizes):
        raise ValueError(
            f"shared_hidden_sizes = {sizes!r}: must be a list of positive integers, [] for none"
        )
    if activation not in ACTIVATION_LAYERS:
        raise ValueError(
            f"shared_activation = {activation!r}: must be one of {', '.join(ACTIVATION_LAYERS)}"
        )
    if not is_number(dropout) or not 0 <= dropout < 1:
        raise ValueError(f"shared_dropout = {dropout!r}: must be in [0, 1)")
    return list(sizes)


def build_shared_layers(config: Any) -> nn.Sequential:
    """Return dropout, linear layer and activation of each size, from vectors (B, H) to (B, S).

    Without sizes there is no layer, and S is H.
    """
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise([config.hidden_size, *config.shared_hidden_sizes]):
        layers += [nn.Dropout(config.shared_dropout), nn.Linear(width_in, width_out)]
        layers.append(ACTIVATION_LAYERS[config.shared_activation]())
    return nn.Sequential(*layers)

"""The precision of weights: float32 while they are trained, and as asked when they are saved."""

import logging

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)


def train_in_float32(model: nn.Module) -> None:
    """Turn weights of half precision, in place, into float32, and say so once.

    A step is often smaller than half the distance between two numbers in half precision, and then
    leaves the weight where it is. Parameters stay the objects that they are, so that an optimizer
    of them still is one.
    """
    halves = {name: tensor for name, tensor in _tensors(model).items() if tensor.dtype.itemsize < 4}
    if not halves:
        return
    kinds = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in halves.values()})
    logger.warning(
        "The model's weights are in %s. They are trained, and saved, in float32; bf16: true "
        "computes in bfloat16, and save_dtype says what the finished model is saved in.",
        " and ".join(kinds),
    )
    for tensor in halves.values():
        tensor.data = tensor.data.float()
    _set_config_dtype(model, torch.float32)


def cast(model: nn.Module, dtype: str) -> None:
    """Turn a finished model's weights, in place, into what it is to be saved in."""
    model.to(getattr(torch, dtype))
    _set_config_dtype(model, getattr(torch, dtype))


def _set_config_dtype(model: nn.Module, dtype: torch.dtype) -> None:
    configs = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    for config in configs.values():
        if getattr(config, "dtype", None) is not None:
            config.dtype = dtype


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    found = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor for name, tensor in found.items() if tensor.is_floating_point()}

"""Precision of weights: float32 in training, and the requested dtype when saved."""

import logging

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)


def train_in_float32(model: nn.Module) -> None:
    """Convert half-precision weights to float32 in place, with a warning.

    Small updates would be lost in half precision. Parameters stay the same objects, so that an
    optimizer of them remains valid.
    """
    half_tensors = {
        name: tensor for name, tensor in _float_tensors(model).items() if tensor.dtype.itemsize < 4
    }
    if not half_tensors:
        return
    dtypes = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in half_tensors.values()})
    logger.warning(
        "The model's weights are in %s. They are trained, and saved, in float32; bf16: true "
        "computes in bfloat16, and save_dtype sets the dtype of the finished model.",
        " and ".join(dtypes),
    )
    for tensor in half_tensors.values():
        tensor.data = tensor.data.float()
    _set_config_dtype(model, torch.float32)


def cast(model: nn.Module, dtype: str) -> None:
    """Convert a finished model's weights in place to the dtype for saving."""
    model.to(getattr(torch, dtype))
    _set_config_dtype(model, getattr(torch, dtype))


def _set_config_dtype(model: nn.Module, dtype: torch.dtype) -> None:
    configs = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    for config in configs.values():
        if getattr(config, "dtype", None) is not None:
            config.dtype = dtype


def _float_tensors(model: nn.Module) -> dict[str, Tensor]:
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}

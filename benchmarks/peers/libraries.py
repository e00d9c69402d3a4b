"""Which library multiplies matrices, and when a device has done all that it was given."""

from collections.abc import Callable
from typing import Any

import torch


def choose_library(job: dict[str, Any]) -> None:
    """Take oneDNN's float32 products if the job says so; torch's default is MKL's."""
    if job["onednn"]:
        onednn: Any = torch.backends.mkldnn
        onednn.matmul.fp32_precision = "bf16"


def waiter(job: dict[str, Any]) -> Callable[[], None]:
    """Waits until the job's device has done all; a CPU always has."""
    return torch.cuda.synchronize if job["device"] == "cuda" else _nothing


def _nothing() -> None:
    pass

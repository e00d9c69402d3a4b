"""Choose the library for matrix products, and wait for a device."""

from collections.abc import Callable
from typing import Any

import torch


def choose_library(job: dict[str, Any]) -> None:
    """Use oneDNN for float32 products if the job sets it; torch's default is MKL."""
    if job["onednn"]:
        onednn: Any = torch.backends.mkldnn
        onednn.matmul.fp32_precision = "bf16"


def waiter(job: dict[str, Any]) -> Callable[[], None]:
    """Return a function that waits for the job's device; on a CPU it does nothing."""
    return torch.cuda.synchronize if job["device"] == "cuda" else _nothing


def _nothing() -> None:
    pass

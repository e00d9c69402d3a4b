"""Which library multiplies matrices: a line that anyone could add to a script of theirs."""

from typing import Any

import torch


def choose_library(job: dict[str, Any]) -> None:
    """Take oneDNN's float32 products if the job says so; torch's default is MKL's."""
    if job["onednn"]:
        onednn: Any = torch.backends.mkldnn
        onednn.matmul.fp32_precision = "bf16"

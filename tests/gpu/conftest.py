"""The device that is compared with the CPU, and full float32 on it."""

import os

import pytest
import torch

# Which torch reads when it first multiplies, for the tests of bit-equal runs.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
DEVICE = os.environ.get("HYBRID_MTL_DEVICE", "cuda")


@pytest.fixture
def device():
    """`cuda`, or in a dry run `cpu`."""
    if DEVICE == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    return DEVICE


@pytest.fixture
def on_device(device):
    """Options of a trainer on the device."""
    return {"use_cpu": device == "cpu"}


@pytest.fixture(autouse=True)
def full_precision():
    """No tf32, so that the tolerances of float32 hold."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)

"""Float32 matrix products with oneDNN where it is faster than MKL, without loss of precision.

On a CPU, torch multiplies float32 matrices with MKL, which takes twice as long as oneDNN on AMD
processors with AVX-512. oneDNN compiles and caches a program for each size, so the number of sizes
should be small. torch selects oneDNN if rounding to bfloat16 is allowed; oneDNN only rounds on
processors with bfloat16 tiles, which is ruled out by a trial product.
"""

from contextlib import AbstractContextManager
from threading import Lock
from typing import Any

import torch


class _OneDNN(AbstractContextManager):
    """A reentrant context manager that selects oneDNN for the process, shared by all threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._depth = 0
        self._previous = "none"
        self._is_enabled: bool | None = None

    @property
    def is_faster(self) -> bool:
        """Return whether oneDNN is used on this processor; determined once."""
        if self._is_enabled is None:
            self._is_enabled = _is_faster() and _is_exact()
        return self._is_enabled

    def __enter__(self) -> None:
        with self._lock:
            self._depth += 1
            # Keep a precision that the user has set.
            if self.is_faster and self._depth == 1:
                self._previous = _precision()
                if self._previous == "none":
                    _set_precision("bf16")

    def __exit__(self, *raised: Any) -> None:
        with self._lock:
            self._depth -= 1
            if self.is_faster and self._depth == 0 and self._previous == "none":
                _set_precision("none")


# Context manager: the fastest float32 products on a CPU in full precision.
onednn_matmul = _OneDNN()


def _is_faster() -> bool:
    """Return whether oneDNN was measured to be faster here, and torch can select it."""
    cpu: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    is_measured = "AMD" in cpu.get("cpu_name", "") and cpu.get("avx512_f", False)
    return (
        is_measured
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.backends.mkldnn, "matmul")
    )


def _is_exact() -> bool:
    """Return whether a product with oneDNN keeps the digits that bfloat16 would lose."""
    previous = _precision()
    _set_precision("bf16")
    try:
        # In bfloat16, 1 + 2**-12 rounds to 1.
        product = torch.full((256, 256), 1 + 2**-12) @ torch.ones(256, 256)
    finally:
        _set_precision(previous)
    return bool((product - 256 * (1 + 2**-12)).abs().max() < 1e-3)


def _precision() -> str:
    return _setting().fp32_precision


def _set_precision(name: str) -> None:
    _setting().fp32_precision = name


def _setting() -> Any:
    return getattr(torch.backends.mkldnn, "matmul")  # noqa: B009 (unknown to torch's types)

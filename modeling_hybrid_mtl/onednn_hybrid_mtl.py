"""Float32 matrix products by the faster of two libraries, in float32 as before.

On a CPU torch multiplies float32 matrices with MKL, which takes twice the time of oneDNN on AMD's
processors with AVX-512. oneDNN makes and keeps a program for every size that it meets, so it is
for those who meet few sizes. It is reached by allowing it to round to bfloat16, which it only does
where the processor has tiles for that; whether it does not is asked of a product before.
"""

from contextlib import AbstractContextManager
from threading import Lock
from typing import Any

import torch


class _OneDNN(AbstractContextManager):
    """oneDNN's products for whoever is inside, in whatever thread; a setting of the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._before = "none"
        self._is_used: bool | None = None

    @property
    def is_faster(self) -> bool:
        """Whether oneDNN is taken here; asked of the processor once."""
        if self._is_used is None:
            self._is_used = _is_faster() and _is_exact()
        return self._is_used

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            # A precision that somebody chose is theirs.
            if self.is_faster and self._inside == 1:
                self._before = _precision()
                if self._before == "none":
                    _set_precision("bf16")

    def __exit__(self, *raised: Any) -> None:
        with self._lock:
            self._inside -= 1
            if self.is_faster and self._inside == 0 and self._before == "none":
                _set_precision("none")


# A block in which products on a CPU are as fast as they can be in full precision.
onednn_matmul = _OneDNN()


def _is_faster() -> bool:
    """Whether this is a processor on which it was measured, and a torch that can choose."""
    has: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    known = "AMD" in has.get("cpu_name", "") and has.get("avx512_f", False)
    return (
        known and torch.backends.mkldnn.is_available() and hasattr(torch.backends.mkldnn, "matmul")
    )


def _is_exact() -> bool:
    """Whether a product keeps what bfloat16 would lose."""
    before = _precision()
    _set_precision("bf16")
    try:
        # Rounded to bfloat16, one and a 4,096th is one.
        found = torch.full((256, 256), 1 + 2**-12) @ torch.ones(256, 256)
    finally:
        _set_precision(before)
    return bool((found - 256 * (1 + 2**-12)).abs().max() < 1e-3)


def _precision() -> str:
    return _setting().fp32_precision


def _set_precision(name: str) -> None:
    _setting().fp32_precision = name


def _setting() -> Any:
    return getattr(torch.backends.mkldnn, "matmul")  # noqa: B009 (unknown to torch's types)

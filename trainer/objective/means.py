"""Means over the steps of a logging period."""

from collections import Counter

from torch import Tensor


class RunningMeans:
    """Means of scalars by key, stored as one sum per key."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: Counter[str] = Counter()

    def add(self, key: str, value: Tensor) -> None:
        """Add a scalar without moving it from its device."""
        self._sums[key] = self._sums[key] + value if key in self._sums else value
        self._counts[key] += 1

    def pop(self) -> dict[str, Tensor]:
        """Return each key's mean since the last call, on its device, and reset."""
        means = {key: total / self._counts[key] for key, total in self._sums.items()}
        self._sums, self._counts = {}, Counter()
        return means

"""Vectors of earlier steps, which are further negatives of ranking tasks."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

# In place of the match of a row that is still empty.
NO_ROW = -1


class PairMemory:
    """The last rows of earlier batches (XBM, arXiv:1912.06798).

    It is a part of a run's state, not of the model's weights. No operation synchronizes the device,
    and after the first update the number of rows is constant; some may be empty.

    Args:
        size: the number of rows.

    Attributes:
        updates: when recorded rows are added: after each `batch`, or by a call of `update` after
            each `step`; with `never`, batches are not recorded.
    """

    def __init__(self, size: int):
        self.size = size
        self.updates = "batch"
        self.clear()

    def clear(self) -> None:
        """Remove all rows."""
        self._vectors: Tensor | None = None
        self._labels: Tensor | None = None
        self._next = 0
        self.drop()

    def drop(self) -> None:
        """Drop the recorded rows, as of a step that is skipped."""
        self._recorded: list[tuple[Tensor, Tensor]] = []

    def rows(self) -> tuple[Tensor, Tensor] | None:
        """Return the vectors (size, 2, D) and labels (size, 3); None before the first update."""
        if self._vectors is None or self._labels is None:
            return None
        return self._vectors, self._labels

    def record(self, vectors: Tensor, labels: Tensor) -> None:
        """Record a batch: vectors (B, 2, D) of length 1 and labels (B, 3)."""
        if self.updates == "never" or not torch.is_grad_enabled():
            return
        self._recorded.append((vectors, labels))
        if self.updates == "batch":
            self.update()

    @torch.no_grad()
    def update(self) -> None:
        """Replace the oldest rows by the recorded ones; those that are not finite become empty."""
        if not self._recorded:
            return
        vectors, labels = map(torch.cat, zip(*self._recorded, strict=True))
        self.drop()
        if self._vectors is None or self._labels is None:
            self._vectors = vectors.new_zeros(self.size, *vectors.shape[1:])
            self._labels = labels.new_full((self.size, labels.shape[1]), NO_ROW)
        is_finite = vectors.isfinite().flatten(1).all(dim=1)
        labels = labels.where(is_finite[:, None], NO_ROW)[-self.size :]
        start = self._next + max(len(vectors) - self.size, 0)
        places = (start + torch.arange(len(labels), device=labels.device)) % self.size
        self._next = (self._next + len(vectors)) % self.size
        self._vectors[places] = vectors.nan_to_num(0, 0, 0)[-self.size :]
        self._labels[places] = labels

    def state_dict(self) -> dict[str, Any]:
        """Return the rows and the index of the oldest one, for checkpoints."""
        if self._vectors is None:
            return {}
        return {"vectors": self._vectors, "labels": self._labels, "next": self._next}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the rows of `state_dict`."""
        self.clear()
        if state:
            self._vectors, self._labels = state["vectors"], state["labels"]
            self._next = state["next"]


def pair_memories(model: Any) -> dict[str, PairMemory]:
    """Return task -> the memory of its head, for the tasks of a model that have one."""
    heads = getattr(model, "heads", {})
    return {name: head.memory for name, head in heads.items() if head.memory is not None}

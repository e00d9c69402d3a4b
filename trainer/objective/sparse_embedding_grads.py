"""Sparse gradients of a large table, such as the token embeddings, stored by reached rows."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def merge_rows(gradient: Tensor) -> Tensor:
    """Return a gradient with unique rows, with sums equal to those of a dense gradient."""
    rows, positions = gradient._indices()[0].unique(return_inverse=True)
    # Summed in the order of the tokens, which `coalesce` does not guarantee.
    sums = gradient._values().new_zeros(len(rows), gradient.shape[1])
    sums.index_add_(0, positions, gradient._values())
    return torch.sparse_coo_tensor(
        rows[None], sums, gradient.shape, is_coalesced=True, check_invariants=False
    )


def entries(gradient: Tensor) -> Tensor:
    """Return the stored entries of a gradient."""
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def is_sparse(gradients: Sequence[Tensor | None]) -> bool:
    """Return whether the gradients of one parameter are sparse: all of them are, or none."""
    return any(g is not None and g.is_sparse for g in gradients)


class TableRows:
    """A table's gradients of a step, by task, as rows or as dense tables.

    Dense tables are reused in the next step, where only the written rows need to be zeroed.

    Args:
        table: the parameter, (V, E).
    """

    def __init__(self, table: nn.Parameter):
        self.table = table
        self._rows = torch.empty(0, dtype=torch.long)
        self._written: list[tuple[Tensor, Tensor]] = []
        self._free: list[Tensor] = []

    def to_rows(self, gradients: Sequence[Tensor | None]) -> list[Tensor]:
        """Return the rows that any gradient reaches, (R, E) per gradient, zero if not reached."""
        sparse = [None if g is None else (g._indices()[0], g._values()) for g in gradients]
        reached = [indices for indices, _ in filter(None, sparse)]
        self._rows, positions = torch.cat(reached).unique(return_inverse=True)
        parts = iter(positions.split([len(indices) for indices in reached]))
        per_gradient = []
        for gradient in sparse:
            rows = self.table.new_zeros(len(self._rows), self.table.shape[1])
            if gradient is not None:
                # Added in the order of the tokens, as for a dense gradient.
                rows.index_add_(0, next(parts), gradient[1])
            per_gradient.append(rows)
        return per_gradient

    def to_dense(self, rows: Tensor) -> Tensor:
        """Return the dense table (V, E) of rows from `to_rows`, valid until `recycle`."""
        dense = self._free.pop() if self._free else torch.zeros_like(self.table)
        dense[self._rows] = rows
        self._written.append((dense, self._rows))
        return dense

    def densify(self, gradient: Tensor) -> Tensor:
        """Return a single gradient as a dense table (V, E), after recycling earlier tables."""
        self.recycle()
        return self.to_dense(*self.to_rows([gradient]))

    def recycle(self) -> None:
        """Zero the dense tables for reuse; they must no longer be in use."""
        for dense, rows in self._written:
            dense[rows] = 0
            self._free.append(dense)
        self._written = []

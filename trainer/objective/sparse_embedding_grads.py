"""Gradients of a large table, such as the token embeddings, kept as the rows that texts reached."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def merge_rows(gradient: Tensor) -> Tensor:
    """The gradient of one backward pass with each row once, summed as a dense gradient's is."""
    rows, places = gradient._indices()[0].unique(return_inverse=True)
    # In the order of the tokens; `coalesce` promises no order.
    sums = gradient._values().new_zeros(len(rows), gradient.shape[1])
    sums.index_add_(0, places, gradient._values())
    return torch.sparse_coo_tensor(
        rows[None], sums, gradient.shape, is_coalesced=True, check_invariants=False
    )


def entries(gradient: Tensor) -> Tensor:
    """The entries of a gradient that may be other than zero."""
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def is_sparse(gradients: Sequence[Tensor | None]) -> bool:
    """Whether these gradients of one parameter are kept by rows; all of them are, or none."""
    return any(g is not None and g.is_sparse for g in gradients)


class TableRows:
    """One table's gradients of a step, of several tasks, as rows and as whole tables.

    A whole table that was handed out is used again in the next step: the few rows that were
    written are zeroed, where a new one would have to be zeroed as a whole.

    Args:
        table: the parameter, (V, E).
    """

    def __init__(self, table: nn.Parameter):
        self.table = table
        self._rows = torch.empty(0, dtype=torch.long)
        self._written: list[tuple[Tensor, Tensor]] = []
        self._free: list[Tensor] = []

    def to_rows(self, gradients: Sequence[Tensor | None]) -> list[Tensor]:
        """Each gradient's rows that any of them reaches, (R, E), zero where it does not."""
        found = [None if g is None else (g._indices()[0], g._values()) for g in gradients]
        reached = [indices for indices, _ in filter(None, found)]
        self._rows, places = torch.cat(reached).unique(return_inverse=True)
        of_each = iter(places.split([len(indices) for indices in reached]))
        per_gradient = []
        for gradient in found:
            rows = self.table.new_zeros(len(self._rows), self.table.shape[1])
            if gradient is not None:
                # Added in the order of the tokens, as a dense gradient is.
                rows.index_add_(0, next(of_each), gradient[1])
            per_gradient.append(rows)
        return per_gradient

    def to_dense(self, rows: Tensor) -> Tensor:
        """The whole table (V, E) of some rows as `to_rows` gave them, until `recycle`."""
        whole = self._free.pop() if self._free else torch.zeros_like(self.table)
        whole[self._rows] = rows
        self._written.append((whole, self._rows))
        return whole

    def densify(self, gradient: Tensor) -> Tensor:
        """One gradient alone as a whole table (V, E); what was handed out is taken back."""
        self.recycle()
        return self.to_dense(*self.to_rows([gradient]))

    def recycle(self) -> None:
        """Use the tables that were handed out again: nobody reads them any more."""
        for whole, rows in self._written:
            whole[rows] = 0
            self._free.append(whole)
        self._written = []

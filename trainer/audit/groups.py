"""The groups of rows: by the values of columns, and by their combinations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.raw_rows import is_missing
from trainer.errors import InputError

# More values are not groups, but numbers or names.
MAX_VALUES = 50
MISSING = "(missing)"


@dataclass(frozen=True, eq=False)
class Group:
    """Rows with the same values in some columns.

    Attributes:
        factors: column -> value.
        members: whether each row belongs to the group, (N,).
    """

    factors: Mapping[str, str]
    members: NDArray[np.bool_]

    @property
    def name(self) -> str:
        """Return the values, and their columns."""
        return " & ".join(f"{column} = {value}" for column, value in self.factors.items())

    @cached_property
    def partition(self) -> bytes:
        """Return a key of the division of rows, the same for a group and for all other rows."""
        return min(blake2b(rows.tobytes()).digest() for rows in (self.members, ~self.members))


def make_groups(columns: Mapping[str, Sequence[Any]]) -> list[Group]:
    """Return a group for each value of each column, then for each combination of values.

    A missing cell is a value of its own. Combinations without rows are omitted.

    Raises:
        InputError: for a column with more than 50 values.
    """
    values = {name: _values(name, cells) for name, cells in columns.items()}
    return [
        group
        for size in range(1, len(values) + 1)
        for names in combinations(values, size)
        for group in _combined({name: values[name] for name in names})
    ]


def _values(name: str, cells: Sequence[Any]) -> NDArray[np.str_]:
    texts = np.array([MISSING if is_missing(cell) else str(cell).strip() for cell in cells])
    count = len(np.unique(texts))
    if count > MAX_VALUES:
        raise InputError(
            f"groups: column '{name}' has {count} different values, expected at most {MAX_VALUES}; "
            "group them in the data, such as ages by decade"
        )
    return texts


def _combined(values: Mapping[str, NDArray[np.str_]]) -> Iterator[Group]:
    table = np.stack(list(values.values()), axis=1)
    for row in np.unique(table, axis=0):
        yield Group(dict(zip(values, map(str, row), strict=True)), (table == row).all(axis=1))

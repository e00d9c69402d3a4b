"""Logged answers of a task as arrays, without texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# The measures that are numbers of each answer.
NUMBERS = ("score", "confidence", "tokens", "unknown")


@dataclass(frozen=True)
class TaskKind:
    """What a task's answers are.

    Attributes:
        labels: the names of its labels; empty for scores.
        is_exclusive: whether an answer has exactly one label.
    """

    labels: tuple[str, ...] = ()
    is_exclusive: bool = True


@dataclass(frozen=True, eq=False)
class Answers:
    """N answers of a task.

    Attributes:
        hits: whether each answer has each label, (N, C).
        numbers: measure of `NUMBERS` -> its value in each answer, NaN where it is missing, (N,).
        truncated: whether the text of each answer was truncated, (N,).
        groups: column -> the value of each answer, empty where it is missing, (N,).
        vectors: sentence vectors of some of the answers, (K, H); None without.
    """

    hits: NDArray[np.bool_]
    numbers: Mapping[str, Floats]
    truncated: NDArray[np.bool_]
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    vectors: Floats | None = None

    def __len__(self) -> int:
        return len(self.truncated)

    def known(self, measure: str) -> Floats:
        """Return the values of a measure that are not missing."""
        values = self.numbers[measure]
        return values[~np.isnan(values)]

    def select(self, rows: NDArray[np.bool_]) -> "Answers":
        """Return some of the answers, (N,), without their vectors."""
        return Answers(
            self.hits[rows],
            {name: values[rows] for name, values in self.numbers.items()},
            self.truncated[rows],
            {name: values[rows] for name, values in self.groups.items()},
        )


def concatenate(parts: Sequence[Answers]) -> Answers:
    """Return the answers of all parts, without groups and vectors."""
    return Answers(
        np.concatenate([part.hits for part in parts]),
        {name: np.concatenate([part.numbers[name] for part in parts]) for name in NUMBERS},
        np.concatenate([part.truncated for part in parts]),
    )

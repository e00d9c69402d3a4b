"""Medians, ranges and ratios of repeated measurements."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name")


@dataclass(frozen=True)
class Spread:
    """The median, lowest and highest of some repetitions."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))


def ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Return the spread of ratios within repetitions: temporary slowdowns affect both sides."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])


def per_second(counts: Sequence[float], seconds: Sequence[float]) -> list[float]:
    """Return the rate per second of each repetition."""
    return [count / taken for count, taken in zip(counts, seconds, strict=True)]


def padding_share(tokens: float, positions: float) -> float:
    """Return the share of padding among the computed positions."""
    return 1 - tokens / positions


def growth(seconds: Mapping[int, float]) -> float:
    """Return the time per row with the most rows over the best with fewer; 1 or less is flat.

    Args:
        seconds: number of rows -> seconds for all of them; at least two numbers.
    """
    per_row = {rows: taken / rows for rows, taken in seconds.items()}
    largest = max(per_row)
    return per_row[largest] / min(value for rows, value in per_row.items() if rows != largest)


def turns(names: Sequence[Name], repetition: int) -> list[Name]:
    """Return the order of a repetition, rotated so that no contender is always first."""
    start = repetition % len(names)
    return [*names[start:], *names[:start]]

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
    """The ratio within each repetition: what slows the machine for a while meets both sides."""
    return Spread.of([a / b for a, b in zip(above, below, strict=True)])


def per_second(counts: Sequence[float], seconds: Sequence[float]) -> list[float]:
    """How much a second in each repetition."""
    return [count / taken for count, taken in zip(counts, seconds, strict=True)]


def padding_share(tokens: float, positions: float) -> float:
    """The share of what was computed that was padding."""
    return 1 - tokens / positions


def growth(seconds: Mapping[int, float]) -> float:
    """The time per row with the most rows, over the best one with fewer; 1 or less is flat.

    Args:
        seconds: number of rows -> seconds for all of them; at least two numbers.
    """
    per_row = {rows: taken / rows for rows, taken in seconds.items()}
    largest = max(per_row)
    return per_row[largest] / min(value for rows, value in per_row.items() if rows != largest)


def turns(names: Sequence[Name], repetition: int) -> list[Name]:
    """The order of a repetition: everyone's place moves on, so that nobody is always first."""
    start = repetition % len(names)
    return [*names[start:], *names[:start]]

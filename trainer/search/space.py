"""The space of a study: options, and the values that each of them may have."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from trainer.errors import InputError, did_you_mean, truncated_repr

_FIELDS = ("low", "high", "log", "step")
_MAX_VALUES = 1000


@dataclass(frozen=True)
class Choice:
    """A list of values. Its positions are the indices, from 0."""

    values: tuple[Any, ...]

    def draw(self, random: np.random.Generator) -> Any:
        """Return a value drawn uniformly."""
        return self.values[int(random.integers(len(self.values)))]

    def position(self, value: Any) -> float:
        """Return the index of a value."""
        return self.values.index(value)

    def at(self, position: float) -> Any:
        """Return the value at the nearest index."""
        return self.values[min(max(round(position), 0), len(self.values) - 1)]

    @property
    def is_ordered(self) -> bool:
        """Return whether the values are numbers in increasing or decreasing order."""
        if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in self.values):
            return False
        return list(self.values) in (sorted(self.values), sorted(self.values, reverse=True))

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Return the values to check before a search: all of them."""
        return self.values


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, both included.

    Attributes:
        low: the lowest number.
        high: the highest.
        log: whether positions, in which distances are measured, are logarithms of the numbers.
    """

    low: float
    high: float
    log: bool = False

    def draw(self, random: np.random.Generator) -> float:
        """Return the number at a position drawn uniformly."""
        return self.at(random.uniform(self.position(self.low), self.position(self.high)))

    def position(self, number: float) -> float:
        """Return the number, or its logarithm."""
        return math.log(number) if self.log else number

    def at(self, position: float) -> float:
        """Return the number at a position, or the nearest end of the range."""
        if not self.log:
            return self.clip(position)
        # Positions far outside would overflow.
        return self.clip(math.exp(min(position, self.position(self.high))))

    def clip(self, number: float) -> float:
        """Return the nearest number of the range."""
        return float(min(max(number, self.low), self.high))

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Return the values to check before a search: both ends."""
        return float(self.low), float(self.high)


Dimension = Choice | Range
Space = Mapping[str, Dimension]


def read_space(given: Any) -> dict[str, Dimension]:
    """Read a study's `space`: option -> a list of values, or `{low, high, log, step}`.

    A range with a step becomes the list of its numbers.

    Raises:
        InputError: naming the option that is wrong.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"space = {truncated_repr(given)}: expected option: values")
    return {str(option): _read_dimension(f"space: {option}", v) for option, v in given.items()}


def _read_dimension(place: str, given: Any) -> Dimension:
    if isinstance(given, list):
        if not given:
            raise InputError(f"{place}: the list has no values")
        return Choice(tuple(given))
    if not isinstance(given, Mapping):
        raise InputError(
            f"{place} = {truncated_repr(given)}: expected a list of values, or "
            "{low: NUMBER, high: NUMBER, log: true}"
        )
    for key in given:
        if key not in _FIELDS:
            raise InputError(
                f"{place}: unknown field '{key}', must be one of {', '.join(_FIELDS)}."
                f"{did_you_mean(str(key), _FIELDS)}"
            )
    return _read_range(place, given)


def _read_range(place: str, given: Mapping[str, Any]) -> Dimension:
    low, high = (_read_number(place, key, given.get(key)) for key in ("low", "high"))
    log, step = given.get("log", False), given.get("step")
    if not isinstance(log, bool):
        raise InputError(f"{place}: log = {log!r}: must be true or false")
    if low >= high:
        raise InputError(f"{place}: low = {low}: must be below high = {high}")
    if log and low <= 0:
        raise InputError(f"{place}: low = {low}: must be above 0 with log")
    if step is None:
        return Range(low, high, log)
    if log or _read_number(place, "step", step) <= 0:
        raise InputError(f"{place}: step = {step}: must be above 0, and goes without log")
    return Choice(_steps(place, low, high, step))


def _read_number(place: str, key: str, value: Any) -> Any:
    if type(value) not in (int, float) or not abs(value) < 1e300:
        raise InputError(f"{place}: {key} = {truncated_repr(value)}: must be a number")
    return value


def _steps(place: str, low: float, high: float, step: float) -> tuple[float, ...]:
    """Return the numbers of a range with steps; whole numbers if low and step are."""
    if (high - low) / step >= _MAX_VALUES:
        raise InputError(
            f"{place}: step = {step}: makes more than {_MAX_VALUES} values; leave the step out"
        )
    count = math.floor((high - low) / step + 1e-9) + 1
    numbers = (low + step * n for n in range(count))
    # 0.1 + 2 * 0.1 is 0.30000000000000004.
    return tuple(x if isinstance(x, int) else float(f"{x:.12g}") for x in numbers)


def grid_of(space: Space) -> list[dict[str, Any]]:
    """Return every combination of values; the last option changes fastest.

    Raises:
        InputError: for a range without steps, and for a value that is listed twice.
    """
    for option, dimension in space.items():
        if isinstance(dimension, Range):
            raise InputError(
                f"space: {option}: a grid needs a list of values, or a step of the range"
            )
        for index, value in enumerate(dimension.values):
            if value in dimension.values[:index]:
                raise InputError(f"space: {option}: {value!r} is listed twice")
    lists = [dimension.extremes for dimension in space.values()]
    return [dict(zip(space, values, strict=True)) for values in product(*lists)]


def draw_sets(space: Space, count: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """Return different sets of values, drawn independently.

    Raises:
        InputError: if the lists have fewer combinations.
    """
    lists = [dimension.values for dimension in space.values() if isinstance(dimension, Choice)]
    possible = math.prod(map(len, lists)) if len(lists) == len(space) else math.inf
    if count > possible:
        raise InputError(
            f"trials = {count}: the space has {possible} combinations; use method: grid"
        )
    drawn: list[dict[str, Any]] = []
    while len(drawn) < count:
        values = draw_values(space, random)
        if values not in drawn:
            drawn.append(values)
    return drawn


def draw_values(space: Space, random: np.random.Generator) -> dict[str, Any]:
    """Return a value of each option, drawn independently."""
    return {option: dimension.draw(random) for option, dimension in space.items()}

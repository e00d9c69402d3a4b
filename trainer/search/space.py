"""The space of a study: options, and the values that each of them may have."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from trainer.errors import InputError, did_you_mean, truncated_repr

_FIELDS = ("low", "high", "log", "step")


@dataclass(frozen=True)
class Choice:
    """A list of values."""

    values: tuple[Any, ...]

    def draw(self, random: np.random.Generator) -> Any:
        """Return a value drawn uniformly."""
        return self.values[random.integers(len(self.values))]

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
        log: draw the logarithm uniformly, not the number.
        step: the distance between two numbers; whole numbers if low, high and step are.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def draw(self, random: np.random.Generator) -> float:
        """Return a number drawn uniformly, or with a uniform logarithm."""
        if self.step is not None:
            count = math.floor((self.high - self.low) / self.step + 1e-9) + 1
            return self.low + self.step * int(random.integers(count))
        if self.log:
            return math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        return float(random.uniform(self.low, self.high))

    def clip(self, number: float) -> float:
        """Return the nearest number of the range."""
        number = min(max(number, self.low), self.high)
        if self.step is None:
            return number
        steps = round((number - self.low) / self.step)
        return min(self.low + self.step * steps, self.high)

    @property
    def extremes(self) -> tuple[Any, ...]:
        """Return the values to check before a search: both ends."""
        return self.low, self.high


Dimension = Choice | Range
Space = Mapping[str, Dimension]


def read_space(given: Any) -> dict[str, Dimension]:
    """Read a study's `space`: option -> a list of values, or `{low, high, log, step}`.

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
        repeated = [v for n, v in enumerate(given) if v in given[:n]]
        if repeated:
            raise InputError(f"{place}: {repeated[0]!r} is there twice")
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


def _read_range(place: str, given: Mapping[str, Any]) -> Range:
    for key in ("low", "high", "step"):
        value = given.get(key)
        if value is None and key == "step":
            continue
        if type(value) not in (int, float) or not math.isfinite(value):
            raise InputError(f"{place}: {key} = {value!r}: must be a number")
    log, step = given.get("log", False), given.get("step")
    if not isinstance(log, bool):
        raise InputError(f"{place}: log = {log!r}: must be true or false")
    if given["low"] >= given["high"]:
        raise InputError(f"{place}: low = {given['low']}: must be below high = {given['high']}")
    if step is not None and (log or step <= 0):
        raise InputError(f"{place}: step = {step}: must be above 0, and goes without log")
    if log and given["low"] <= 0:
        raise InputError(f"{place}: low = {given['low']}: must be above 0 with log")
    return Range(given["low"], given["high"], log, step)


def grid_of(space: Space) -> list[dict[str, Any]]:
    """Return every combination of values; the last option changes fastest.

    Raises:
        InputError: for a range without steps.
    """
    lists = []
    for option, dimension in space.items():
        if isinstance(dimension, Range):
            if dimension.step is None:
                raise InputError(
                    f"space: {option}: a grid needs a list of values, or a step of the range"
                )
            count = math.floor((dimension.high - dimension.low) / dimension.step + 1e-9) + 1
            lists.append([dimension.low + dimension.step * n for n in range(count)])
        else:
            lists.append(list(dimension.values))
    return [dict(zip(space, values, strict=True)) for values in product(*lists)]


def draw_values(space: Space, random: np.random.Generator) -> dict[str, Any]:
    """Return a value of each option, drawn independently."""
    return {option: dimension.draw(random) for option, dimension in space.items()}

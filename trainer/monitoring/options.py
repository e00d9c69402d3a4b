"""The options of a monitor."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from trainer.errors import InputError, did_you_mean

_WINDOW = re.compile(r"(\d+)(rows|min|h|d)")
_SECONDS = {"min": 60, "h": 3600, "d": 86_400}
_WORDS = {"min": "minute", "h": "hour", "d": "day"}
# Measure -> the least effect of an alert. Those of numbers are of the Kolmogorov-Smirnov
# statistic, that of vectors of the root of the discrepancy, all others of shares.
EFFECTS: Mapping[str, float] = MappingProxyType(
    {
        "labels": 0.1,
        "score": 0.15,
        "confidence": 0.15,
        "tokens": 0.15,
        "unknown": 0.15,
        "truncated": 0.05,
        "vectors": 0.1,
        "corrected": 0.05,
    }
)


@dataclass(frozen=True)
class WindowSize:
    """The length of a window: a number of answers, or of seconds.

    Attributes:
        count: the number.
        in_rows: whether it counts answers.
    """

    count: int
    in_rows: bool

    def __str__(self) -> str:
        if self.in_rows:
            return f"{self.count} answers"
        unit = max((u for u in _SECONDS if self.count % _SECONDS[u] == 0), key=_SECONDS.__getitem__)
        count = self.count // _SECONDS[unit]
        return f"{count} {_WORDS[unit]}{'' if count == 1 else 's'}"


def parse_window(text: str) -> WindowSize:
    """Return the size of a window such as `1d`, `6h`, `30min` or `500rows`.

    Raises:
        InputError: if it is none.
    """
    match = _WINDOW.fullmatch(text.strip())
    if match is None or not 0 < int(match[1]) <= 1_000_000_000:
        raise InputError(f"window = '{text}': expected such as 1d, 6h, 30min or 500rows")
    if match[2] == "rows":
        return WindowSize(int(match[1]), True)
    return WindowSize(int(match[1]) * _SECONDS[match[2]], False)


@dataclass(frozen=True)
class MonitorOptions:
    """The windows and the limits of a monitor.

    Raises:
        InputError: naming the option that is wrong.

    Attributes:
        window: the size of a window; see `parse_window`.
        min_rows: with fewer answers, a difference is not tested.
        effects: measure -> the least effect of an alert, where it differs from `EFFECTS`.
    """

    window: str = "1d"
    min_rows: int = 50
    effects: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self):
        size = parse_window(self.window)
        if self.min_rows < 10:
            raise InputError(f"min_rows = {self.min_rows}: must be 10 or more")
        if size.in_rows and size.count < self.min_rows:
            raise InputError(
                f"window = '{self.window}': has fewer answers than min_rows = {self.min_rows}"
            )
        for name, value in self.effects.items():
            if name not in EFFECTS:
                raise InputError(
                    f"effects: '{name}' is not one of {', '.join(EFFECTS)}."
                    f"{did_you_mean(name, EFFECTS)}"
                )
            if not 0 <= value <= 1:
                raise InputError(f"effects: {name} = {value}: must be from 0 to 1")

    @property
    def size(self) -> WindowSize:
        """Return the size of a window."""
        return parse_window(self.window)

    def least_effect(self, measure: str) -> float:
        """Return the least effect of an alert."""
        return self.effects.get(measure, EFFECTS[measure])

"""How the report writes numbers."""

from collections.abc import Mapping
from typing import Any

MISSING = "–"


def mean(found: Mapping[str, Any] | None) -> str:
    """Format a mean with half the width of its interval, which one run does not have."""
    if found is None:
        return MISSING
    if found["low"] is None:
        return f"{found['value']:.4f}"
    return f"{found['value']:.4f} ± {(found['high'] - found['low']) / 2:.4f}"


def difference(found: Mapping[str, Any] | None) -> str:
    """Format a difference and its interval."""
    if found is None:
        return MISSING
    if found["low"] is None:
        return f"{found['value']:+.4f}"
    return f"{found['value']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f})"


def p_value(found: Mapping[str, Any] | None) -> str:
    """Format the corrected p-value of a difference."""
    if found is None or found["p_corrected"] is None:
        return MISSING
    p = found["p_corrected"]
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def duration(seconds: float | None) -> str:
    """Format a time: 45 s, 2 min 05 s, 3 h 07 min."""
    if seconds is None:
        return MISSING
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def count(number: int, noun: str) -> str:
    """Format a number with its noun, which has a regular plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

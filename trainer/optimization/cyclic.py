"""Cyclical learning rates (Smith 2017, arXiv:1506.01186)."""

import math
from collections.abc import Callable
from typing import Any

CYCLIC = "cyclic"
MODES = ("triangular", "triangular2", "exp_range")


def cyclic(
    warmup: int,
    steps: int,
    *,
    step_size_up: float = 0.1,
    step_size_down: float | None = None,
    base_share: float = 0.25,
    mode: str = "triangular",
    gamma: float | None = None,
) -> Callable[[int], float]:
    """Return a function: optimizer step -> share of the rate, rising and falling in cycles.

    Args:
        warmup: steps before the first cycle, in which the share rises from 0 to `base_share`.
        steps: optimizer steps of the run.
        step_size_up: optimizer steps of rising; below 1, a share of all steps.
        step_size_down: optimizer steps of falling, likewise; `step_size_up` if None.
        base_share: the lowest share of the rate, from 0 to 1.
        mode: `triangular`: all cycles are equal. `triangular2`: the height above `base_share` is
            halved in each cycle. `exp_range`: the height is multiplied by `gamma` to the power of
            the steps since the warm-up.
        gamma: of mode `exp_range`, from 0 to 1.

    Raises:
        ValueError: naming the invalid option.
    """
    _check_mode(mode, gamma)
    _check_share("base_share", base_share)
    _check_share("gamma", 1 if gamma is None else gamma)
    up = _step_size("step_size_up", step_size_up, steps)
    down = up if step_size_down is None else _step_size("step_size_down", step_size_down, steps)

    def share(step: int) -> float:
        if step < warmup:
            return base_share * step / warmup
        height = _height(step - warmup, up, down, halve=mode == "triangular2", gamma=gamma)
        return base_share + (1 - base_share) * height

    return share


def _height(step: int, up: int, down: int, *, halve: bool, gamma: float | None) -> float:
    """Return the height in the cycles at a step after the warm-up, from 0 to 1."""
    cycle, position = divmod(step, up + down)
    height = position / up if position <= up else (up + down - position) / down
    if halve:
        return math.ldexp(height, -cycle)
    return height if gamma is None else height * gamma**step


def count_steps(given: float, steps: int) -> int:
    """Return a number of steps, given as such or, below 1, as a share of all `steps`."""
    return int(given) if given >= 1 else math.ceil(given * steps)


def _check_mode(mode: str, gamma: float | None) -> None:
    if mode not in MODES:
        raise ValueError(f"mode = {mode!r}: must be one of {', '.join(MODES)}")
    if (gamma is None) == (mode == "exp_range"):
        raise ValueError("gamma: is required by mode exp_range and has no effect in other modes")


def _check_share(name: str, value: Any) -> None:
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{name} = {value!r}: must be a number from 0 to 1")


def _step_size(name: str, value: Any, steps: int) -> int:
    if not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError(f"{name} = {value!r}: must be a number above 0")
    return count_steps(value, steps)

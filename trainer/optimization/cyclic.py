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
    """Optimizer step -> share of the rate, which rises from its lowest and falls back, in cycles.

    Args:
        warmup: steps before the first cycle, in which the share grows from 0 to the lowest one.
        steps: optimizer steps of the run.
        step_size_up: optimizer steps in which the rate rises; below 1, a share of all steps.
        step_size_down: optimizer steps in which it falls, likewise; `step_size_up` if left out.
        base_share: the lowest share of the rate, from 0 to 1.
        mode: `triangular`: all cycles are alike. `triangular2`: each rises half as high above the
            lowest share as the one before. `exp_range`: the height is multiplied by `gamma` to the
            power of the steps since the warm-up.
        gamma: of mode `exp_range`, from 0 to 1.

    Raises:
        ValueError: naming the option that is wrong.
    """
    if mode not in MODES:
        raise ValueError(f"mode = {mode!r}: must be one of {', '.join(MODES)}")
    if (gamma is None) == (mode == "exp_range"):
        raise ValueError("gamma: mode exp_range needs it, and the other modes do not read it")
    _check_share("base_share", base_share)
    _check_share("gamma", 1 if gamma is None else gamma)
    up = _size("step_size_up", step_size_up, steps)
    down = up if step_size_down is None else _size("step_size_down", step_size_down, steps)

    def share(step: int) -> float:
        if step < warmup:
            return base_share * step / warmup
        cycle, place = divmod(step - warmup, up + down)
        height = place / up if place <= up else (up + down - place) / down
        if mode == "triangular2":
            height = math.ldexp(height, -cycle)
        elif gamma is not None:
            height *= gamma ** (step - warmup)
        return base_share + (1 - base_share) * height

    return share


def count_steps(given: float, steps: int) -> int:
    """Steps as an option gives them: their number, or below 1 a share of all `steps`."""
    return int(given) if given >= 1 else math.ceil(given * steps)


def _check_share(name: str, value: Any) -> None:
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{name} = {value!r}: must be a number from 0 to 1")


def _size(name: str, value: Any, steps: int) -> int:
    if not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError(f"{name} = {value!r}: must be a number above 0")
    return count_steps(value, steps)

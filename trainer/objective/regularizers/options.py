"""The regularizers' options, and the regularizers they ask for."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.errors import InputError, nearest
from trainer.objective.regularizers.base import Regularizer
from trainer.objective.regularizers.bregman import Bregman
from trainer.objective.regularizers.rdrop import RDrop
from trainer.objective.regularizers.smart import NORMS, Smart
from trainer.options import option


@dataclass
class RegularizerOptions:
    """Which regularizers to train with. A weight of 0 everywhere leaves one out.

    A weight may be a mapping of tasks to numbers, too; the parser of options knows numbers only.
    """

    smart_weight: float = option(
        0.0,
        "SMART: weight of the smoothness term, for tasks without one of their own.",
        group="objective",
        card="changed",
    )
    smart_step_size: float = option(
        1e-3, "SMART: length of a step of gradient ascent.", group="objective", card="changed"
    )
    smart_radius: float = option(
        1e-5,
        "SMART: how far the embeddings may be moved. 1e-5 is the paper's.",
        group="objective",
        card="changed",
    )
    smart_noise: float = option(
        1e-5,
        "SMART: standard deviation of the noise to begin with.",
        group="objective",
        card="changed",
    )
    smart_steps: int = option(
        1, "SMART: steps of gradient ascent per batch.", group="objective", card="changed"
    )
    smart_norm: str = option(
        "inf",
        "SMART: inf or l2, the norm of gradients and of smart_radius.",
        group="objective",
        card="changed",
    )
    bregman_weight: float = option(
        0.0,
        "Bregman proximal points: weight of the divergence from the momentum model, "
        "for tasks without one of their own.",
        group="objective",
        card="changed",
    )
    bregman_momentum: float = option(
        0.99,
        "Bregman proximal points: what the momentum model keeps per step.",
        group="objective",
        card="changed",
    )
    rdrop_weight: float = option(
        0.0,
        "R-Drop: weight of the divergence of two passes with different dropout, for "
        "tasks without one of their own.",
        group="objective",
        card="changed",
    )


def make_regularizers(options: RegularizerOptions, tasks: Collection[str]) -> list[Regularizer]:
    """The regularizers with a weight above 0 for any task.

    Args:
        options: the options.
        tasks: the names of the tasks that are trained.

    Raises:
        InputError: naming the option that is wrong.
    """
    _check(options, tasks)
    made: list[Regularizer] = [
        Smart(
            options.smart_weight,
            options.smart_step_size,
            options.smart_radius,
            options.smart_noise,
            options.smart_steps,
            options.smart_norm,
        ),
        Bregman(options.bregman_weight, options.bregman_momentum),
        RDrop(options.rdrop_weight),
    ]
    return [regularizer for regularizer in made if any(map(regularizer.weight_of, tasks))]


def _check(options: RegularizerOptions, tasks: Collection[str]) -> None:
    for name in ("smart_weight", "bregman_weight", "rdrop_weight"):
        _check_weight(name, getattr(options, name), tasks)
    for name in ("smart_step_size", "smart_radius", "smart_noise"):
        value = getattr(options, name)
        if not _is_number(value) or value <= 0:
            raise InputError(f"{name}: must be a number above 0, got {value!r}")
    if type(options.smart_steps) is not int or options.smart_steps < 1:
        raise InputError(
            f"smart_steps: must be a whole number from 1 up, got {options.smart_steps!r}"
        )
    if options.smart_norm not in NORMS:
        raise InputError(
            f"smart_norm: must be one of {', '.join(NORMS)}, got {options.smart_norm!r}."
            f"{nearest(str(options.smart_norm), NORMS)}"
        )
    momentum = options.bregman_momentum
    if not _is_number(momentum) or not 0 < momentum < 1:
        raise InputError(
            f"bregman_momentum: must be a number above 0 and below 1, got {momentum!r}"
        )


def _check_weight(name: str, weight: Any, tasks: Collection[str]) -> None:
    entries = weight if isinstance(weight, Mapping) else {None: weight}
    for task, value in entries.items():
        if task is not None and task not in tasks:
            raise InputError(f"{name}: no task '{task}' is trained.{nearest(str(task), tasks)}")
        if not _is_number(value) or value < 0:
            place = name if task is None else f"{name}: task '{task}'"
            raise InputError(f"{place}: must be a number from 0 up, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)

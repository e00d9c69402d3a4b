"""The options of regularizers, and the regularizers with a weight above 0."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from trainer.errors import InputError, did_you_mean
from trainer.objective.regularizers.base import Regularizer
from trainer.objective.regularizers.bregman import Bregman
from trainer.objective.regularizers.rdrop import RDrop
from trainer.objective.regularizers.smart import NORMS, Smart
from trainer.options import option
from trainer.registry import REGULARIZERS

Weight = float | Mapping[str, float]


@dataclass
class SmartOptions:
    """Options of SMART."""

    smart_weight: float = option(
        0.0,
        "SMART: weight of the smoothness term, unless set for a task.",
        group="objective",
        card="changed",
    )
    smart_step_size: float = option(
        1e-3, "SMART: step size of gradient ascent.", group="objective", card="changed"
    )
    smart_radius: float = option(
        1e-5,
        "SMART: maximum norm of the change of the embeddings. 1e-5 is the paper's.",
        group="objective",
        card="changed",
    )
    smart_noise: float = option(
        1e-5,
        "SMART: standard deviation of the initial noise.",
        group="objective",
        card="changed",
    )
    smart_steps: int = option(
        1, "SMART: steps of gradient ascent per batch.", group="objective", card="changed"
    )
    smart_norm: str = option(
        "inf",
        "SMART: norm of gradients and of smart_radius, inf or l2.",
        group="objective",
        card="changed",
    )


@dataclass
class BregmanOptions:
    """Options of Bregman proximal points."""

    bregman_weight: float = option(
        0.0,
        "Bregman proximal points: weight of the divergence from the momentum model, unless set "
        "for a task.",
        group="objective",
        card="changed",
    )
    bregman_momentum: float = option(
        0.99,
        "Bregman proximal points: the decay of the momentum model per step.",
        group="objective",
        card="changed",
    )


@dataclass
class RDropOptions:
    """Options of R-Drop."""

    rdrop_weight: float = option(
        0.0,
        "R-Drop: weight of the divergence of two passes with different dropout, unless set for a "
        "task.",
        group="objective",
        card="changed",
    )


@dataclass
class RegularizerOptions(RDropOptions, BregmanOptions, SmartOptions):
    """Options of all regularizers; one with weight 0 for all tasks is not used.

    A weight may also be a mapping from tasks to numbers, except on the command line.
    """


def make_regularizers(
    options: RegularizerOptions, tasks: Collection[str], others: Collection[Any] = ()
) -> list[Regularizer]:
    """Return the regularizers with a weight above 0 for any task.

    Args:
        options: the options of built-in regularizers.
        tasks: the names of the trained tasks.
        others: the options of extensions' regularizers, an instance of each registered dataclass.

    Raises:
        InputError: naming the invalid option.
    """
    regularizers: list[Regularizer] = []
    for name, entry in REGULARIZERS.entries.items():
        option = weight_option(name)
        config = next(o for o in (options, *others) if isinstance(o, entry.options))
        weight = getattr(config, option)
        _check_weight(option, weight, tasks)
        regularizer = REGULARIZERS.make(name, weight, config=config)
        regularizer.name = name
        regularizers.append(regularizer)
    return [regularizer for regularizer in regularizers if any(map(regularizer.weight_of, tasks))]


def weight_option(name: str) -> str:
    """Return the name of a registered regularizer's weight option.

    Raises:
        InputError: if its options have no such field, with the location of its registration.
    """
    entry, option = REGULARIZERS.entry(name), f"{name}_weight"
    if entry.options is None or option not in {f.name for f in fields(entry.options)}:
        raise InputError(
            f"{entry.place}: regularizer '{name}': register it with options=..., a dataclass with "
            f"a field '{option}: float = 0.0', which enables it"
        )
    return option


@REGULARIZERS.register("smart", options=SmartOptions)
def _smart(weight: Weight, config: SmartOptions) -> Smart:
    _check_smart(config)
    return Smart(
        weight,
        config.smart_step_size,
        config.smart_radius,
        config.smart_noise,
        config.smart_steps,
        config.smart_norm,
    )


@REGULARIZERS.register("bregman", options=BregmanOptions)
def _bregman(weight: Weight, config: BregmanOptions) -> Bregman:
    momentum = config.bregman_momentum
    if not _is_number(momentum) or not 0 < momentum < 1:
        raise InputError(
            f"bregman_momentum: must be a number above 0 and below 1, got {momentum!r}"
        )
    return Bregman(weight, momentum)


@REGULARIZERS.register("rdrop", options=RDropOptions)
def _rdrop(weight: Weight, config: RDropOptions) -> RDrop:
    return RDrop(weight)


def _check_smart(options: SmartOptions) -> None:
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
            f"{did_you_mean(str(options.smart_norm), NORMS)}"
        )


def _check_weight(name: str, weight: Any, tasks: Collection[str]) -> None:
    entries = weight if isinstance(weight, Mapping) else {None: weight}
    for task, value in entries.items():
        if task is not None and task not in tasks:
            raise InputError(
                f"{name}: no task '{task}' is trained.{did_you_mean(str(task), tasks)}"
            )
        if not _is_number(value) or value < 0:
            where = name if task is None else f"{name}: task '{task}'"
            raise InputError(f"{where}: must be a number from 0 up, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)

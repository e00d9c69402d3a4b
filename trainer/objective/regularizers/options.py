"""The regularizers' options, and the regularizers they ask for."""

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
    """How SMART is used."""

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


@dataclass
class BregmanOptions:
    """How Bregman proximal points are used."""

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


@dataclass
class RDropOptions:
    """How R-Drop is used."""

    rdrop_weight: float = option(
        0.0,
        "R-Drop: weight of the divergence of two passes with different dropout, for "
        "tasks without one of their own.",
        group="objective",
        card="changed",
    )


@dataclass
class RegularizerOptions(RDropOptions, BregmanOptions, SmartOptions):
    """Which regularizers to train with. A weight of 0 everywhere leaves one out.

    A weight may be a mapping of tasks to numbers, too; the parser of options knows numbers only.
    """


def make_regularizers(
    options: RegularizerOptions, tasks: Collection[str], others: Collection[Any] = ()
) -> list[Regularizer]:
    """The regularizers with a weight above 0 for any task.

    Args:
        options: the options.
        tasks: the names of the tasks that are trained.
        others: the options of extensions' regularizers, an instance of each registered dataclass.

    Raises:
        InputError: naming the option that is wrong.
    """
    made: list[Regularizer] = []
    for name, entry in REGULARIZERS.entries.items():
        option = weight_option(name)
        config = next(o for o in (options, *others) if isinstance(o, entry.options))
        weight = getattr(config, option)
        _check_weight(option, weight, tasks)
        regularizer = REGULARIZERS.make(name, weight, config=config)
        regularizer.name = name
        made.append(regularizer)
    return [regularizer for regularizer in made if any(map(regularizer.weight_of, tasks))]


def weight_option(name: str) -> str:
    """The option that is the weight of a registered regularizer.

    Raises:
        InputError: if its options have no such field, with the place where it was registered.
    """
    entry, option = REGULARIZERS.entry(name), f"{name}_weight"
    if entry.options is None or option not in {f.name for f in fields(entry.options)}:
        raise InputError(
            f"{entry.place}: regularizer '{name}': register it with options=..., a dataclass with "
            f"a field '{option}: float = 0.0', which switches it on"
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
            place = name if task is None else f"{name}: task '{task}'"
            raise InputError(f"{place}: must be a number from 0 up, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)

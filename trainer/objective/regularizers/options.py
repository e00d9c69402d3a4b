"""The options of all regularizers, and the check of their weights."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from modeling_hybrid_mtl.task_fields_hybrid_mtl import is_number
from trainer.errors import InputError, did_you_mean
from trainer.objective.regularizers.base import Regularizer
from trainer.objective.regularizers.bregman import BregmanOptions
from trainer.objective.regularizers.rdrop import RDropOptions
from trainer.objective.regularizers.smart import SmartOptions
from trainer.registry import REGULARIZERS


@dataclass
class RegularizerOptions(RDropOptions, BregmanOptions, SmartOptions):
    """Options of all regularizers; one with weight 0 for all tasks is not used."""


def make_regularizers(
    configs: Mapping[str, Any], tasks: Mapping[str, Mapping[str, Any]]
) -> list[Regularizer]:
    """Return the regularizers with a weight above 0 for any task.

    Args:
        configs: registered name -> its options, whose weight may also be a mapping from tasks to
            numbers, except on the command line.
        tasks: trained task -> its own options; a weight among them precedes that of `configs`.

    Raises:
        InputError: naming the invalid option.
    """
    regularizers: list[Regularizer] = []
    for name, config in configs.items():
        option = weight_option(name)
        own = {task: options[option] for task, options in tasks.items() if option in options}
        weight = own or getattr(config, option)
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


def _check_weight(name: str, weight: Any, tasks: Collection[str]) -> None:
    entries = weight if isinstance(weight, Mapping) else {None: weight}
    for task, value in entries.items():
        if task is not None and task not in tasks:
            raise InputError(
                f"{name}: no task '{task}' is trained.{did_you_mean(str(task), tasks)}"
            )
        if not is_number(value) or value < 0:
            where = "" if task is None else f"task '{task}': "
            raise InputError(f"{where}{name} = {value!r}: must be a number, 0 or more")

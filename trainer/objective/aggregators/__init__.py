"""aggregators: how the tasks' gradients on the shared parameters become one."""

from collections.abc import Sequence
from typing import Any

from trainer.errors import InputError, did_you_mean

# Each registers its own.
from trainer.objective.aggregators import (  # noqa: F401
    graddrop,
    gradvac,
    mtrec,
    nash_mtl,
    pcgrad,
    sum,
    torchjd_aggregators,
)
from trainer.objective.aggregators.base import Aggregator, AggregatorOptions, GramianAggregator
from trainer.objective.aggregators.gramian import cosines, gramian
from trainer.registry import AGGREGATORS

__all__ = [
    "AGGREGATORS",
    "GramianAggregator",
    "Aggregator",
    "AggregatorOptions",
    "cosines",
    "gramian",
    "make_aggregator",
]


def make_aggregator(
    name: str, tasks: Sequence[str], options: AggregatorOptions | None = None, config: Any = None
) -> Aggregator:
    """The aggregator of a name.

    Args:
        name: a key of `AGGREGATORS`.
        tasks: all tasks that a step may have.
        options: what else the aggregator may be told.
        config: an instance of the dataclass that the aggregator was registered with, if it was.

    Raises:
        InputError: for an unknown aggregator or task, a task that is both main and auxiliary,
            options that the aggregator cannot work with, or a package that it needs and that is
            missing.
    """
    options = options or AggregatorOptions()
    if name not in AGGREGATORS:
        raise InputError(
            f"aggregator '{name}': must be one of {', '.join(AGGREGATORS)}."
            f"{did_you_mean(name, AGGREGATORS)}"
        )
    main, auxiliary = options.main_tasks or (), options.auxiliary_tasks or ()
    for option, named in (("main_tasks", main), ("auxiliary_tasks", auxiliary)):
        for task in named:
            if task not in tasks:
                raise InputError(
                    f"{option}: there is no task '{task}' (tasks: {', '.join(tasks)})."
                    f"{did_you_mean(task, tasks)}"
                )
    both = [task for task in main if task in auxiliary]
    if both:
        raise InputError(
            f"task '{both[0]}': is in main_tasks and in auxiliary_tasks; leave it out of one"
        )
    return AGGREGATORS.make(name, tasks, options, config=config)

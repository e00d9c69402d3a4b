"""Aggregators of the tasks' gradients on the shared parameters."""

from collections.abc import Sequence
from typing import Any

from trainer.errors import InputError, did_you_mean

# Imported to register their aggregators.
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
from trainer.options import check_choice
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
    """Return the aggregator of a name.

    Args:
        name: a key of `AGGREGATORS`.
        tasks: all tasks that a step may have.
        options: options of built-in aggregators.
        config: the options of an aggregator registered with `options=`.

    Raises:
        InputError: for an unknown aggregator or task, a task that is both main and auxiliary,
            invalid options, or a missing package.
    """
    options = options or AggregatorOptions()
    check_choice("aggregator", name, AGGREGATORS)
    main, auxiliary = options.main_tasks or (), options.auxiliary_tasks or ()
    for option, names in (("main_tasks", main), ("auxiliary_tasks", auxiliary)):
        for task in names:
            if task not in tasks:
                raise InputError(
                    f"{option}: there is no task '{task}' (tasks: {', '.join(tasks)})."
                    f"{did_you_mean(task, tasks)}"
                )
    both = [task for task in main if task in auxiliary]
    if both:
        raise InputError(
            f"task '{both[0]}': is in main_tasks and in auxiliary_tasks; remove it from one"
        )
    return AGGREGATORS.make(name, tasks, options, config=config)

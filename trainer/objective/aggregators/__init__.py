"""Update rules: how the tasks' gradients on the shared parameters become one."""

from collections.abc import Sequence
from typing import Any

from trainer.errors import InputError, nearest

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
from trainer.objective.aggregators.base import GramianRule, Rule, RuleOptions
from trainer.objective.aggregators.gramian import cosines, gramian
from trainer.registry import AGGREGATORS

__all__ = ["AGGREGATORS", "GramianRule", "Rule", "RuleOptions", "cosines", "gramian", "make_rule"]


def make_rule(
    name: str, tasks: Sequence[str], options: RuleOptions | None = None, config: Any = None
) -> Rule:
    """The update rule of a name.

    Args:
        name: a key of `AGGREGATORS`.
        tasks: all tasks that a step may have.
        options: what else the rule may be told.
        config: an instance of the dataclass that the rule was registered with, if it was.

    Raises:
        InputError: for an unknown rule or task, a task that is both main and auxiliary, options
            that the rule cannot work with, or a package that it needs and that is missing.
    """
    options = options or RuleOptions()
    if name not in AGGREGATORS:
        raise InputError(
            f"update rule '{name}': must be one of {', '.join(AGGREGATORS)}."
            f"{nearest(name, AGGREGATORS)}"
        )
    main, auxiliary = options.main_tasks or (), options.auxiliary_tasks or ()
    for option, named in (("main_tasks", main), ("auxiliary_tasks", auxiliary)):
        for task in named:
            if task not in tasks:
                raise InputError(
                    f"{option}: there is no task '{task}' (tasks: {', '.join(tasks)})."
                    f"{nearest(task, tasks)}"
                )
    both = [task for task in main if task in auxiliary]
    if both:
        raise InputError(
            f"task '{both[0]}': is in main_tasks and in auxiliary_tasks; leave it out of one"
        )
    return AGGREGATORS.make(name, tasks, options, config=config)

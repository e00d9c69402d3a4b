"""Update rules: how the tasks' gradients on the shared parameters become one."""

from collections.abc import Callable, Sequence
from functools import partial

from trainer.errors import InputError, nearest
from trainer.objective.aggregators.base import GramianRule, Rule, RuleOptions
from trainer.objective.aggregators.graddrop import GradDrop
from trainer.objective.aggregators.gradvac import GradVac
from trainer.objective.aggregators.gramian import cosines, gramian
from trainer.objective.aggregators.mtrec import MTRec
from trainer.objective.aggregators.nash_mtl import NashMTL
from trainer.objective.aggregators.pcgrad import PCGrad
from trainer.objective.aggregators.sum import Sum
from trainer.objective.aggregators.torchjd_aggregators import RandomTorchjdRule, TorchjdRule

__all__ = ["RULES", "GramianRule", "Rule", "RuleOptions", "cosines", "gramian", "make_rule"]

RULES: dict[str, Callable[[Sequence[str], RuleOptions], Rule]] = {
    "sum": Sum,
    "mtrec": MTRec,
    "pcgrad": PCGrad,
    "mgda": partial(TorchjdRule, "mgda"),
    "aligned_mtl": partial(TorchjdRule, "aligned_mtl"),
    "imtl_g": partial(TorchjdRule, "imtl_g"),
    "gradvac": GradVac,
    "graddrop": GradDrop,
    "upgrad": partial(TorchjdRule, "upgrad"),
    "dualproj": partial(TorchjdRule, "dualproj"),
    "cagrad": partial(TorchjdRule, "cagrad"),
    "nash_mtl": NashMTL,
    "fairgrad": partial(TorchjdRule, "fairgrad"),
    "random": partial(RandomTorchjdRule, "random"),
}


def make_rule(name: str, tasks: Sequence[str], options: RuleOptions | None = None) -> Rule:
    """The update rule of a name.

    Args:
        name: a key of `RULES`.
        tasks: all tasks that a step may have.
        options: what else the rule may be told.

    Raises:
        InputError: for an unknown rule or task, a task that is both main and auxiliary, options
            that the rule cannot work with, or a package that it needs and that is missing.
    """
    options = options or RuleOptions()
    if name not in RULES:
        raise InputError(
            f"update rule '{name}': must be one of {', '.join(RULES)}.{nearest(name, RULES)}"
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
    return RULES[name](tasks, options)

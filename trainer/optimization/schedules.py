"""Schedules: the share of its learning rate that a parameter group has at each optimizer step."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import SchedulerType, get_scheduler

from trainer.errors import InputError, did_you_mean
from trainer.optimization.cyclic import CYCLIC, count_steps, cyclic
from trainer.optimization.groups import SHARED
from trainer.optimization.options import SCHEDULE_FIELDS, SCHEDULES, OptimizationOptions

# These watch the run's evaluations: what they do is no function of the step.
WATCHING = (SchedulerType.REDUCE_ON_PLATEAU.value, SchedulerType.GREEDY.value)
WITHOUT_OPTIONS = (SchedulerType.CONSTANT.value, SchedulerType.CONSTANT_WITH_WARMUP.value)


def make_schedule(optimizer: torch.optim.Optimizer, args: OptimizationOptions, steps: int) -> Any:
    """The schedule of a run, with a function of the step for each parameter group.

    A task's groups have the task's schedule; all others, those of learned loss weights too, have
    the shared one. Steps are the run's optimizer steps, also for a task that rests in some of them.

    Args:
        optimizer: the layout's; its groups' `name` says whose they are.
        args: the shared schedule and the tasks'.
        steps: optimizer steps of the run.

    Returns:
        A `LambdaLR`, or for the kinds that watch the run's evaluations transformers' own schedule.
    """
    if args.lr_scheduler_type in WATCHING:
        return _of_library(optimizer, args, 0, steps)
    names = [group.get("name", SHARED) for group in optimizer.param_groups]
    tasks = args.own_of_tasks
    params_by_task: dict[str, Any] = {
        name: args.task_training(name) if name in tasks else args for name in set(names)
    }
    shares = {
        name: share_of_rate(owner, count_steps(owner.warmup_steps, steps), steps)
        for name, owner in params_by_task.items()
    }
    return LambdaLR(optimizer, [shares[name] for name in names])


def share_of_rate(owner: Any, warmup: int, steps: int) -> Callable[[int], float]:
    """Optimizer step -> factor of the learning rate.

    Args:
        owner: has a `learning_rate`, an `lr_scheduler_type` and its `lr_scheduler_kwargs`: the
            training arguments for the shared part, or a task's. Options that are rates themselves,
            such as `min_lr`, are rates of this owner.
        warmup: steps in which the rate grows from 0.
        steps: optimizer steps of the run.

    Raises:
        TypeError, ValueError, ZeroDivisionError: for options that the kind does not have or cannot
            work with.
    """
    if owner.lr_scheduler_type == CYCLIC:
        return cyclic(warmup, steps, **(owner.lr_scheduler_kwargs or {}))
    # transformers hands out its functions of the step only inside the schedule of an optimizer.
    return _of_library(_stand_in(owner), owner, warmup, steps).lr_lambdas[0]


def _of_library(optimizer: torch.optim.Optimizer, owner: Any, warmup: int, steps: int) -> Any:
    return get_scheduler(
        owner.lr_scheduler_type, optimizer, warmup, steps, owner.lr_scheduler_kwargs
    )


def _stand_in(owner: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=owner.learning_rate)


def check_schedules(args: OptimizationOptions) -> None:
    """Make sure that the shared schedule and the tasks' own can be made.

    Raises:
        InputError: naming the task and the option that is wrong.
    """
    _check("", args)
    entries = args.own_of_tasks
    for name, entry in entries.items():
        own = {key: entry[key] for key in SCHEDULE_FIELDS if entry.get(key) is not None}
        training = args.task_training(name)
        if own:
            _check_own(f"task '{name}': ", own, training, args)
        if args.lr_scheduler_type not in WATCHING:
            _check(f"task '{name}': ", training)
    kinds = {args.lr_scheduler_type, *(args.task_training(n).lr_scheduler_type for n in entries)}
    if args.warmup_steps and kinds == {"constant"}:
        raise InputError(
            "warmup_steps: the schedule 'constant' has no warm-up; use lr_scheduler_type: "
            "constant_with_warmup"
        )


def _check_own(place: str, own: dict[str, Any], training: Any, args: Any) -> None:
    for kind in (training.lr_scheduler_type, args.lr_scheduler_type):
        if kind in WATCHING:
            raise InputError(
                f"{place}{next(iter(own))}: the schedule '{kind}' watches the run's evaluations "
                f"and is one for all parameters; leave this out, or use another schedule"
            )
    if own.get("warmup_steps") and training.lr_scheduler_type == "constant":
        raise InputError(
            f"{place}warmup_steps: the schedule 'constant' has no warm-up; use "
            f"lr_scheduler_type: constant_with_warmup"
        )


def _check(place: str, owner: Any) -> None:
    kind, options = owner.lr_scheduler_type, owner.lr_scheduler_kwargs
    if kind not in SCHEDULES:
        raise InputError(
            f"{place}lr_scheduler_type = {kind!r}: must be one of {', '.join(SCHEDULES)}."
            f"{did_you_mean(str(kind), SCHEDULES)}"
        )
    if not isinstance(options, dict | None):
        raise InputError(f"{place}lr_scheduler_kwargs = {options!r}: expected option -> value")
    if options and kind in WITHOUT_OPTIONS:
        raise InputError(f"{place}lr_scheduler_kwargs: the schedule '{kind}' has no options")
    try:
        if kind in WATCHING:
            _of_library(_stand_in(owner), owner, 0, 1)
        else:
            share_of_rate(owner, 0, 1)(0)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(
            f"{place}lr_scheduler_type = '{kind}': {error}; its options go in lr_scheduler_kwargs"
        ) from error

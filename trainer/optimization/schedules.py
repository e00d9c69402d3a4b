"""Learning-rate schedules: the share of a group's learning rate at each optimizer step."""

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

# Schedules that depend on the run's evaluations, not only on the step.
METRIC_DRIVEN = (SchedulerType.REDUCE_ON_PLATEAU.value, SchedulerType.GREEDY.value)
WITHOUT_OPTIONS = (SchedulerType.CONSTANT.value, SchedulerType.CONSTANT_WITH_WARMUP.value)


def make_schedule(optimizer: torch.optim.Optimizer, args: OptimizationOptions, steps: int) -> Any:
    """Return the schedule of a run, with a function of the step for each parameter group.

    A task's groups have the task's schedule; all others, including those of learned loss weights,
    have the shared one. Steps are the run's optimizer steps, also those without the task.

    Args:
        optimizer: the layout's optimizer, with names of its groups.
        args: the shared schedule and the tasks'.
        steps: optimizer steps of the run.

    Returns:
        A `LambdaLR`, or transformers' own schedule if it depends on evaluations.
    """
    if args.lr_scheduler_type in METRIC_DRIVEN:
        return _of_library(optimizer, args, 0, steps)
    names = [group.get("name", SHARED) for group in optimizer.param_groups]
    tasks = args.task_entries
    options: dict[str, Any] = {
        name: args.task_training(name) if name in tasks else args for name in set(names)
    }
    shares = {
        name: share_of_rate(part, count_steps(part.warmup_steps, steps), steps)
        for name, part in options.items()
    }
    return LambdaLR(optimizer, [shares[name] for name in names])


def share_of_rate(options: Any, warmup: int, steps: int) -> Callable[[int], float]:
    """Return a function: optimizer step -> factor of the learning rate.

    Args:
        options: the training arguments or a `TaskTraining`, with `learning_rate`,
            `lr_scheduler_type` and `lr_scheduler_kwargs`. Options such as `min_lr` are absolute.
        warmup: steps in which the rate rises from 0.
        steps: optimizer steps of the run.

    Raises:
        TypeError, ValueError, ZeroDivisionError: for unknown or invalid options of the schedule.
    """
    if options.lr_scheduler_type == CYCLIC:
        return cyclic(warmup, steps, **(options.lr_scheduler_kwargs or {}))
    # transformers provides its functions of the step only in the schedule of an optimizer.
    return _of_library(_dummy_optimizer(options), options, warmup, steps).lr_lambdas[0]


def _of_library(optimizer: torch.optim.Optimizer, options: Any, warmup: int, steps: int) -> Any:
    return get_scheduler(
        options.lr_scheduler_type, optimizer, warmup, steps, options.lr_scheduler_kwargs
    )


def _dummy_optimizer(options: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=options.learning_rate)


def check_schedules(args: OptimizationOptions) -> None:
    """Check that the shared schedule and the tasks' can be created.

    Raises:
        InputError: naming the task and the invalid option.
    """
    _check("", args)
    entries = args.task_entries
    for name, entry in entries.items():
        set_options = {key: entry[key] for key in SCHEDULE_FIELDS if entry.get(key) is not None}
        training = args.task_training(name)
        if set_options:
            _check_task(f"task '{name}': ", set_options, training, args)
        if args.lr_scheduler_type not in METRIC_DRIVEN:
            _check(f"task '{name}': ", training)
    kinds = {args.lr_scheduler_type, *(args.task_training(n).lr_scheduler_type for n in entries)}
    if args.warmup_steps and kinds == {"constant"}:
        raise InputError(
            "warmup_steps: the schedule 'constant' has no warm-up; use lr_scheduler_type: "
            "constant_with_warmup"
        )


def _check_task(prefix: str, set_options: dict[str, Any], training: Any, args: Any) -> None:
    for kind in (training.lr_scheduler_type, args.lr_scheduler_type):
        if kind in METRIC_DRIVEN:
            raise InputError(
                f"{prefix}{next(iter(set_options))}: the schedule '{kind}' depends on the run's "
                f"evaluations and applies to all parameters; unset this, or use another schedule"
            )
    if set_options.get("warmup_steps") and training.lr_scheduler_type == "constant":
        raise InputError(
            f"{prefix}warmup_steps: the schedule 'constant' has no warm-up; use "
            f"lr_scheduler_type: constant_with_warmup"
        )


def _check(prefix: str, options: Any) -> None:
    kind, kwargs = options.lr_scheduler_type, options.lr_scheduler_kwargs
    if kind not in SCHEDULES:
        raise InputError(
            f"{prefix}lr_scheduler_type = {kind!r}: must be one of {', '.join(SCHEDULES)}."
            f"{did_you_mean(str(kind), SCHEDULES)}"
        )
    if not isinstance(kwargs, dict | None):
        raise InputError(
            f"{prefix}lr_scheduler_kwargs = {kwargs!r}: must be a mapping, option -> value"
        )
    if kwargs and kind in WITHOUT_OPTIONS:
        raise InputError(f"{prefix}lr_scheduler_kwargs: the schedule '{kind}' has no options")
    try:
        if kind in METRIC_DRIVEN:
            _of_library(_dummy_optimizer(options), options, 0, 1)
        else:
            share_of_rate(options, 0, 1)(0)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(
            f"{prefix}lr_scheduler_type = '{kind}': {error}; its options go in lr_scheduler_kwargs"
        ) from error

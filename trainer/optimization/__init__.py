"""Optimizer layouts, parameter groups, optimizers and learning-rate schedules."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from trainer.errors import InputError
from trainer.optimization.groups import SHARED, WEIGHTS, groups, params_by_task, task_of_param
from trainer.optimization.layouts import LAYOUTS, NEED_TASK_GRADIENTS, ONE
from trainer.optimization.multi_optimizer import MultiOptimizer, parts_of
from trainer.optimization.optimizer_classes import (
    check_optimizer,
    known_to_transformers,
    optimizer_kind,
)
from trainer.optimization.options import (
    OPTIMIZERS,
    SCHEDULE_FIELDS,
    SCHEDULES,
    OptimizationOptions,
    TaskTraining,
)
from trainer.optimization.schedules import (
    check_schedules,
    make_schedule,
)

__all__ = [
    "LAYOUTS",
    "NEED_TASK_GRADIENTS",
    "OPTIMIZERS",
    "OptimizationOptions",
    "TaskTraining",
    "SCHEDULES",
    "SCHEDULE_FIELDS",
    "SHARED",
    "MultiOptimizer",
    "build_optimizer",
    "check_optimizer",
    "check_schedules",
    "check_task_name",
    "known_to_transformers",
    "learning_rates",
    "make_schedule",
    "optimizer_kind",
    "task_of_param",
    "params_by_task",
    "parts_of",
]


def build_optimizer(
    model: nn.Module,
    args: OptimizationOptions,
    decayed: Iterable[str],
    loss_weights: nn.Module | None = None,
    tasks: Iterable[str] | None = None,
) -> torch.optim.Optimizer:
    """Return the optimizer of a layout.

    Args:
        model: a `HybridMTLModel`, maybe wrapped for distributed training.
        args: the layout, the optimizer (`optim`) and its hyperparameters.
        decayed: names of the parameters with weight decay.
        loss_weights: loss weights, whose parameters are in a group of their own.
        tasks: the trained tasks, all of the model's if None.

    Raises:
        InputError: if `layer_decay` is set and the encoder has no list of layers.
    """
    optimizer_class, options = optimizer_kind(args, model)
    layout = LAYOUTS[args.optimizer_layout](model, params_by_task(model, tasks), args, set(decayed))
    weights = [] if loss_weights is None else list(loss_weights.named_parameters())
    if weights:
        rate = args.loss_weights_learning_rate
        group = groups(WEIGHTS, weights, 1e-3 if rate is None else rate, 0.0, ())
        # Several optimizers: the weights have their own, which steps in every step, like `shared`.
        key = ONE if ONE in layout else WEIGHTS
        layout[key] = [*layout.get(key, []), *group]
    parts = {name: optimizer_class(groups, **options) for name, groups in layout.items()}
    if len(layout) == 1 and args.optimizer_layout not in NEED_TASK_GRADIENTS:
        return next(iter(parts.values()))
    return MultiOptimizer(parts, args.max_grad_norm)


def check_task_name(*names: str) -> None:
    """Check that no task has the name of another parameter group.

    Raises:
        InputError: naming the task.
    """
    for name in names:
        if name in (SHARED, WEIGHTS) or name.startswith(f"{SHARED}_"):
            reserved = WEIGHTS if name == WEIGHTS else SHARED
            raise InputError(
                f"task '{name}': '{reserved}' is reserved for parameters of no single task; choose "
                f"another name"
            )
        other = name.removesuffix("_adapter")
        if other != name and other in names:
            raise InputError(
                f"task '{name}': is the name of the adapter of task '{other}'; choose another name"
            )


def learning_rates(optimizer: Any) -> dict[str, float]:
    """Return group name -> current learning rate; groups without a name are numbered."""
    return {
        group.get("name", f"group_{number}"): float(group["lr"])
        for number, group in enumerate(optimizer.param_groups)
    }

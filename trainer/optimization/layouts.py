"""Optimizer layouts: how a model's parameters are divided among optimizers."""

from collections.abc import Callable, Collection
from typing import Any

from torch import nn

from trainer.optimization.groups import SHARED, Named, ParamGroups, groups, lr_and_weight_decay
from trainer.optimization.layers import params_by_layer
from trainer.optimization.options import OptimizationOptions

# Name of an optimizer -> its parameter groups. A layout with one entry is one optimizer.
Layout = dict[str, ParamGroups]
ParamsByTask = dict[str, Named]
ONE = "all"


def single(
    model: nn.Module,
    params: ParamsByTask,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> Layout:
    """Return one optimizer's groups, with one learning rate and weight decay for all parameters."""
    task_params = [p for task, part in params.items() if task != SHARED for p in part]
    task_groups = groups(SHARED, task_params, *lr_and_weight_decay(args, SHARED), decayed)
    return {ONE: [*_shared(model, params, args, decayed), *task_groups]}


def siloed(
    model: nn.Module,
    params: ParamsByTask,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> Layout:
    """Return the groups of one optimizer per task's head and one for the shared parameters.

    AdamW updates parameters independently and skips those without a gradient, so one optimizer with
    a group per head yields the same result with fewer kernel launches.
    """
    param_groups = _shared(model, params, args, decayed) if params[SHARED] else []
    for task in params:
        if task != SHARED:
            param_groups += _of_task(task, params, args, decayed)
    return {ONE: param_groups}


def per_task(
    model: nn.Module,
    params: ParamsByTask,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> Layout:
    """Return the groups of one optimizer per task, for its head and the shared parameters.

    Each optimizer has its own moments for the shared parameters, which have the shared learning
    rate and take a step per task.
    """
    return {
        task: [*_of_task(task, params, args, decayed), *_shared(model, params, args, decayed)]
        for task in params
        if task != SHARED
    }


def overlapping(
    model: nn.Module,
    params: ParamsByTask,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> Layout:
    """Return the groups of `per_task` and of a shared optimizer, with the aggregated gradient."""
    optimizers = per_task(model, params, args, decayed)
    return {**optimizers, SHARED: _shared(model, params, args, decayed)}


def _of_task(
    task: str, params: ParamsByTask, args: OptimizationOptions, decayed: Collection[str]
) -> ParamGroups:
    """Return the groups of a head at the task's rate, and of an adapter at the shared rate."""
    head = [(n, p) for n, p in params[task] if n.startswith("heads.")]
    adapter = [(n, p) for n, p in params[task] if not n.startswith("heads.")]
    param_groups = groups(task, head, *lr_and_weight_decay(args, task), decayed)
    if adapter:
        rates = lr_and_weight_decay(args, SHARED)
        param_groups += groups(f"{task}_adapter", adapter, *rates, decayed)
    return param_groups


def _shared(
    model: nn.Module,
    params: ParamsByTask,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> ParamGroups:
    """Return the groups of the shared parameters, by depth if `layer_decay` is set."""
    rate, decay = lr_and_weight_decay(args, SHARED)
    if args.layer_decay is None:
        return groups(SHARED, params[SHARED], rate, decay, decayed)
    param_groups: ParamGroups = []
    for depth, part in params_by_layer(model, params[SHARED]).items():
        name = SHARED if depth == 0 else f"{SHARED}_depth_{depth}"
        param_groups += groups(name, part, rate * args.layer_decay**depth, decay, decayed)
    return param_groups


LAYOUTS: dict[str, Callable[[nn.Module, ParamsByTask, Any, Collection[str]], Layout]] = {
    "siloed": siloed,
    "single": single,
    "per_task": per_task,
    "overlapping": overlapping,
}
# Layouts in which a task's optimizer updates the shared parameters with the task's gradient.
NEED_TASK_GRADIENTS = ("per_task", "overlapping")

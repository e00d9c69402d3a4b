"""Layouts: how a model's parameters are divided among optimizers."""

from collections.abc import Callable, Collection
from typing import Any

from torch import nn

from trainer.optimization.groups import SHARED, Named, ParamGroups, groups, lr_and_weight_decay
from trainer.optimization.layers import params_by_layer
from trainer.optimization.options import OptimizationOptions

# Name of an optimizer -> its parameter groups. A layout with one entry is one optimizer.
Layout = dict[str, ParamGroups]
Owned = dict[str, Named]
ONE = "all"


def single(
    model: nn.Module,
    owned: Owned,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> Layout:
    """One optimizer with one learning rate and one weight decay for everything."""
    own = [p for owner, part in owned.items() if owner != SHARED for p in part]
    rates = lr_and_weight_decay(args, SHARED)
    return {ONE: [*_shared(model, owned, args, decayed), *groups(SHARED, own, *rates, decayed)]}


def siloed(
    model: nn.Module,
    owned: Owned,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> Layout:
    """One optimizer per task's head and one for everything shared, without overlap.

    AdamW updates every parameter on its own and leaves alone those without a gradient, so separate
    optimizers are one optimizer with a group per head: the same numbers, one kernel launch.
    """
    found = _shared(model, owned, args, decayed) if owned[SHARED] else []
    for task in owned:
        if task != SHARED:
            found += _of_task(task, owned, args, decayed)
    return {ONE: found}


def per_task(
    model: nn.Module,
    owned: Owned,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> Layout:
    """One optimizer per task, which owns its head and, with moments of its own, the shared part.

    The shared part has the shared learning rate in every one of them, and takes a step per task.
    """
    return {
        task: [*_of_task(task, owned, args, decayed), *_shared(model, owned, args, decayed)]
        for task in owned
        if task != SHARED
    }


def overlapping(
    model: nn.Module,
    owned: Owned,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> Layout:
    """As `per_task`, and one more optimizer of the shared part, with all tasks' gradient."""
    own = per_task(model, owned, args, decayed)
    return {**own, SHARED: _shared(model, owned, args, decayed)}


def _of_task(
    task: str, owned: Owned, args: OptimizationOptions, decayed: Collection[str]
) -> ParamGroups:
    """The head at the task's rate; the adapter at that of the encoder, which it adds to."""
    head = [(n, p) for n, p in owned[task] if n.startswith("heads.")]
    adapter = [(n, p) for n, p in owned[task] if not n.startswith("heads.")]
    found = groups(task, head, *lr_and_weight_decay(args, task), decayed)
    if adapter:
        found += groups(f"{task}_adapter", adapter, *lr_and_weight_decay(args, SHARED), decayed)
    return found


def _shared(
    model: nn.Module,
    owned: Owned,
    args: OptimizationOptions,
    decayed: Collection[str],
) -> ParamGroups:
    """The shared parameters at their own rate, by depth if `layer_decay` is set."""
    parameters = owned[SHARED]
    rate, decay = lr_and_weight_decay(args, SHARED)
    if args.layer_decay is None:
        return groups(SHARED, parameters, rate, decay, decayed)
    found: ParamGroups = []
    for depth, part in params_by_layer(model, parameters).items():
        name = SHARED if depth == 0 else f"{SHARED}_depth_{depth}"
        found += groups(name, part, rate * args.layer_decay**depth, decay, decayed)
    return found


LAYOUTS: dict[str, Callable[[nn.Module, Owned, Any, Collection[str]], Layout]] = {
    "siloed": siloed,
    "single": single,
    "per_task": per_task,
    "overlapping": overlapping,
}
# Those in which a task's optimizer updates the shared parameters with that task's gradient.
NEED_TASK_GRADIENTS = ("per_task", "overlapping")

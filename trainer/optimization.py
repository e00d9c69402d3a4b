"""Layouts: how a model's parameters are divided among optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import Trainer, get_scheduler

from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.arguments import HybridMTLTrainingArguments

SHARED = "shared"
ParamGroups = list[dict[str, Any]]


def build_optimizer(
    model: nn.Module, args: HybridMTLTrainingArguments, decayed: Iterable[str]
) -> torch.optim.Optimizer:
    """The optimizer of a layout.

    Args:
        model: a `HybridMTLModel`, maybe wrapped for distributed training.
        args: the layout, the kind of optimizer (`optim`) and its hyperparameters.
        decayed: names of the parameters that weight decay applies to.

    """
    optimizer_class, options = Trainer.get_optimizer_cls_and_kwargs(args, model)
    return optimizer_class(LAYOUTS[args.layout](model, args, set(decayed)), **options)


def check_optimizer(args: HybridMTLTrainingArguments) -> None:
    """Try the kind of optimizer and the schedule on a parameter of their own.

    Raises:
        InputError: for one that is not installed, refuses its options, or needs more of the
            training loop than steps.
    """
    name = getattr(args.optim, "value", args.optim)
    try:
        optimizer_class, options = Trainer.get_optimizer_cls_and_kwargs(args)
        optimizer = optimizer_class([nn.Parameter(torch.zeros(1))], **options)
    except (AssertionError, ImportError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"optim = '{name}': {error}") from error
    if hasattr(optimizer, "eval"):
        raise InputError(
            f"optim = '{name}': has to be told when training pauses, which is not done here; use "
            f"adamw_torch_fused, adamw_torch, adafactor, sgd or another plain optimizer"
        )
    kind = getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)
    given = args.lr_scheduler_kwargs
    try:
        get_scheduler(kind, optimizer, 0, 1, given if isinstance(given, dict) else None)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"lr_scheduler_type = '{kind}': {error}; its options go in lr_scheduler_kwargs"
        ) from error


def check_task_name(*names: str) -> None:
    """Make sure that no task is called what the shared parameters are called.

    Raises:
        InputError: if one is.
    """
    if SHARED in names:
        raise InputError(
            f"task '{SHARED}': this name stands for the shared parameters; take another one"
        )


def siloed(model: nn.Module, args: HybridMTLTrainingArguments, decayed: set[str]) -> ParamGroups:
    """One optimizer per task's head and one for everything shared, without overlap.

    AdamW updates every parameter on its own and leaves alone those without a gradient, so separate
    optimizers are one optimizer with a group per head: the same numbers, one kernel launch.
    """
    owners: dict[str, list[tuple[str, nn.Parameter]]] = {SHARED: []}
    tasks = list(_unwrapped(model).config.tasks)
    owners.update({task: [] for task in tasks})
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            owners[_owner(name, tasks)].append((name, parameter))
    groups: ParamGroups = []
    for owner, parameters in owners.items():
        rate, decay = args.learning_rate, args.weight_decay
        if owner != SHARED:
            training = args.task_training(owner)
            rate, decay = training.learning_rate, training.weight_decay
        # A head without parameters keeps an empty group: its rate is scheduled and logged.
        groups.append(
            {
                "name": owner,
                "params": [p for n, p in parameters if n in decayed],
                "lr": rate,
                "weight_decay": decay,
            }
        )
        plain = [p for n, p in parameters if n not in decayed]
        if plain:
            groups.append({"name": owner, "params": plain, "lr": rate, "weight_decay": 0.0})
    return groups


LAYOUTS: dict[str, Callable[[nn.Module, Any, set[str]], ParamGroups]] = {"siloed": siloed}


def learning_rates(optimizer: Any) -> dict[str, float]:
    """Group name -> current learning rate."""
    return {group["name"]: float(group["lr"]) for group in optimizer.param_groups}


def _owner(name: str, tasks: list[str]) -> str:
    for task in tasks:
        if name.removeprefix("module.").startswith(f"heads.{task}."):
            return task
    return SHARED


def _unwrapped(model: nn.Module) -> Any:
    return getattr(model, "module", model)

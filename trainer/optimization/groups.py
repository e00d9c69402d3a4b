"""Parameter groups: tasks, learning rates and weight decays of parameters."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from torch import nn

from trainer.optimization.options import OptimizationOptions

SHARED = "shared"
WEIGHTS = "loss_weights"
Named = list[tuple[str, nn.Parameter]]
ParamGroups = list[dict[str, Any]]


def params_by_task(model: nn.Module, tasks: Iterable[str] | None = None) -> dict[str, Named]:
    """Return `shared` or task -> trained parameters, a task's being those of head and adapter.

    Args:
        model: a `HybridMTLModel`, maybe wrapped for distributed training.
        tasks: the trained tasks, all of the model's if None; the list of a task without parameters
            is empty.
    """
    tasks = unwrapped(model).config.tasks if tasks is None else tasks
    params: dict[str, Named] = {SHARED: [], **{task: [] for task in tasks}}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            name = name.removeprefix("module.")
            params.setdefault(task_of_param(name), []).append((name, parameter))
    return params


def task_of_param(name: str) -> str:
    """Return the task of a parameter's name, or `shared`."""
    match = re.match(r"heads\.(\w+)\.", name) or re.search(r"\.lora_[AB]\.(\w+)\.", name)
    return match[1] if match else SHARED


def lr_and_weight_decay(args: OptimizationOptions, task: str) -> tuple[float, float]:
    """Return learning rate and weight decay of `shared` or of a task."""
    if task == SHARED:
        return args.learning_rate, args.weight_decay
    training = args.task_training(task)
    assert training.learning_rate is not None and training.weight_decay is not None  # filled in
    return training.learning_rate, training.weight_decay


def groups(
    name: str,
    parameters: Iterable[tuple[str, nn.Parameter]],
    rate: float,
    decay: float,
    decayed: Collection[str],
) -> ParamGroups:
    """Return a group of the parameters with weight decay, and one of the others if any."""
    parameters = list(parameters)
    param_groups: ParamGroups = [
        # A head without parameters has an empty group, whose rate is scheduled and logged.
        {
            "name": name,
            "params": [p for n, p in parameters if n in decayed],
            "lr": rate,
            "weight_decay": decay,
        }
    ]
    plain = [p for n, p in parameters if n not in decayed]
    if plain:
        param_groups.append({"name": name, "params": plain, "lr": rate, "weight_decay": 0.0})
    return param_groups


def unwrapped(model: nn.Module) -> Any:
    """Return the model without a wrapper for several processes."""
    return getattr(model, "module", model)

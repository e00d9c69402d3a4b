"""Parameter groups: who owns a parameter, its learning rate and its weight decay."""

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
    """`shared` and each task -> its trained parameters: those of its head and of its adapter.

    Args:
        model: a `HybridMTLModel`, maybe wrapped for distributed training.
        tasks: the tasks that are trained, all of the model's if None. One without any parameters
            has an empty list.
    """
    tasks = unwrapped(model).config.tasks if tasks is None else tasks
    owned: dict[str, Named] = {SHARED: [], **{task: [] for task in tasks}}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            name = name.removeprefix("module.")
            owned.setdefault(task_of_param(name), []).append((name, parameter))
    return owned


def task_of_param(name: str) -> str:
    """The task that a parameter of this name belongs to, or `shared`."""
    match = re.match(r"heads\.(\w+)\.", name) or re.search(r"\.lora_[AB]\.(\w+)\.", name)
    return match[1] if match else SHARED


def lr_and_weight_decay(args: OptimizationOptions, owner: str) -> tuple[float, float]:
    """Learning rate and weight decay of the shared parameters or of a task."""
    if owner == SHARED:
        return args.learning_rate, args.weight_decay
    training = args.task_training(owner)
    assert training.learning_rate is not None and training.weight_decay is not None  # filled in
    return training.learning_rate, training.weight_decay


def groups(
    name: str,
    parameters: Iterable[tuple[str, nn.Parameter]],
    rate: float,
    decay: float,
    decayed: Collection[str],
) -> ParamGroups:
    """One group of those that weight decay applies to, and one of the others if there are any."""
    parameters = list(parameters)
    found: ParamGroups = [
        # A head without parameters keeps an empty group: its rate is scheduled and logged.
        {
            "name": name,
            "params": [p for n, p in parameters if n in decayed],
            "lr": rate,
            "weight_decay": decay,
        }
    ]
    plain = [p for n, p in parameters if n not in decayed]
    if plain:
        found.append({"name": name, "params": plain, "lr": rate, "weight_decay": 0.0})
    return found


def unwrapped(model: nn.Module) -> Any:
    """The model inside a wrapper for several processes."""
    return getattr(model, "module", model)

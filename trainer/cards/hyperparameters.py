"""The hyperparameters that a model card shows."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import yaml

from trainer.config.extension_options import infos_of_added
from trainer.config.inherited_arguments import INHERITED
from trainer.config.run_arguments import RunArguments
from trainer.config.tasks import TaskEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data.augmentation import TaskAugmentation
from trainer.optimization import SCHEDULE_FIELDS, TaskTraining
from trainer.options import changed, default_of, info_of, is_read
from trainer.registry import REGULARIZERS

# Fields of a head that a card shows where they were changed.
SHOW_IF_CHANGED = (
    *("activation", "normalization", "pooling", "attention_heads", "cosine_range"),
    *("pair_features", "loss", "focal_gamma", "label_smoothing"),
    *("thresholds", "temperature", "min_score"),
)


def head_hyperparameters(
    entry: TaskEntry, training: HybridMTLTrainingArguments, name: str
) -> dict[str, Any]:
    """Return the hyperparameters of a task's head, its data and its own schedule."""
    model = entry.model
    return {
        **_in_use(vars(training.task_training(name))),
        **_own_schedule(entry.training),
        "dropout": model.dropout,
        "hidden_sizes": model.hidden_sizes,
        "loss_weight": model.loss_weight,
        **changed(model, SHOW_IF_CHANGED),
        **{f"head_options.{option}": value for option, value in model.head_options.items()},
        **_augmentation(entry.augmentation),
    }


def shared_hyperparameters(run: RunArguments, args: HybridMTLTrainingArguments) -> dict[str, Any]:
    """Return the hyperparameters of the encoder and of the run, as their options' `card` says.

    An option that needs another is shown where it has an effect.
    """
    shown = {**_shown(run, run), **_shown(args, args)}
    for part, beside in args.parts_of_extensions():
        shown.update(_shown(part, beside))
    return shown


def _shown(options: Any, beside: Any) -> dict[str, Any]:
    """Return the options of a dataclass to show on the card."""
    infos = {**INHERITED, **infos_of_added(HybridMTLTrainingArguments)}
    shown = {}
    for declared in fields(options):
        info = info_of(declared, infos)
        value = getattr(options, declared.name)
        is_changed = value != default_of(declared)
        read = info.needs is not None and is_read(beside, info)
        if read or info.card == "always" or (info.card == "changed" and is_changed):
            shown[declared.name] = value
    return shown


def _in_use(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyperparameters but for unused regularizers' weights and those shown elsewhere."""
    unused = {f"{name}_weight" for name in REGULARIZERS}
    elsewhere = {*SCHEDULE_FIELDS, "auxiliary", "max_validation_rows"}
    return {
        name: _number_texts(value) if isinstance(value, dict) else value
        for name, value in hyperparameters.items()
        if (value or name not in unused) and name not in elsewhere
    }


def _number_texts(numbers: Mapping[str, float]) -> str:
    """Return names with their numbers, such as `bad: 2, good: 0.5`."""
    return ", ".join(f"{name}: {value:g}" for name, value in numbers.items())


def _own_schedule(training: TaskTraining) -> dict[str, Any]:
    """Return the options of a task's own schedule."""
    own = {name: getattr(training, name) for name in SCHEDULE_FIELDS}
    return {name: value for name, value in own.items() if value is not None}


def _augmentation(options: TaskAugmentation) -> dict[str, Any]:
    if not options.augmentation:
        return {}
    steps = zip(options.augmentation, options.methods(), strict=True)
    texts = [_method_text(step["method"], vars(method)) for step, method in steps]
    return {**vars(options), "augmentation": ", ".join(texts)}


def _method_text(name: str, options: dict[str, Any]) -> str:
    """Return a method with its options, such as `synonyms (share: 0.1)`."""
    if not options:
        return name
    flow = yaml.safe_dump(options, default_flow_style=True, sort_keys=False, width=math.inf)
    return f"{name} ({flow.strip()[1:-1]})"

"""The settings that a model card shows, group by group."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from trainer.config.freezing_options import TrainedPartsOptions
from trainer.config.run_arguments import RunArguments
from trainer.config.tasks import TaskEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments, TaskTraining
from trainer.data.augmentation import TaskAugmentation
from trainer.data.sampling import READ_BY
from trainer.objective.regularizers import RegularizerOptions
from trainer.optimization import SCHEDULE_FIELDS

# Settings that a card shows where they were changed.
CHANGED = (
    "cycles_per_epoch",
    "length_window",
    "layer_decay",
    "ema_decay",
    "main_tasks",
    "auxiliary_tasks",
    "auxiliary_scale",
    "loss_weights",
    "loss_weights_learning_rate",
    *(f.name for f in fields(RegularizerOptions)),
    *(f.name for f in fields(TrainedPartsOptions)),
    "lr_scheduler_kwargs",
)
CHANGED_OF_TASK = ("activation", "cosine_range", "pair_features", "loss", "label_smoothing")


def head_hyperparameters(
    entry: TaskEntry, training: HybridMTLTrainingArguments, name: str
) -> dict[str, Any]:
    """Those of a task's head, its data and its own schedule."""
    model = entry.model
    return {
        **_in_use(vars(training.task_training(name))),
        **_own_schedule(entry.training),
        "dropout": model.dropout,
        "hidden_sizes": model.hidden_sizes,
        "loss_weight": model.loss_weight,
        **_changed(model, CHANGED_OF_TASK),
        **_augmentation(entry.augmentation),
    }


def shared_hyperparameters(run: RunArguments, args: HybridMTLTrainingArguments) -> dict[str, Any]:
    """Those of the encoder and of the run as a whole."""
    return {
        "learning_rate": args.learning_rate,
        "weight_decay": args.weight_decay,
        "pooling": run.pooling,
        "dropout": run.backbone_dropout,
        "dropout_where": run.backbone_dropout_where,
        "max_length": run.max_length,
        "update": args.update,
        "layout": args.layout,
        "rule": args.rule,
        **_changed(args, CHANGED),
        **_of_extensions(args),
        "stop": args.stop,
        "plan": args.plan,
        **{name: getattr(args, name) for name, plan in READ_BY.items() if plan == args.plan},
        "optimizer": args.optim,
        "schedule": args.lr_scheduler_type,
        "warmup_steps": args.warmup_steps,
        "max_grad_norm": args.max_grad_norm,
        "gradient_accumulation_steps": args.gradient_accumulation_steps,
    }


def _of_extensions(args: HybridMTLTrainingArguments) -> dict[str, Any]:
    given: Any = args.extension_options
    return dict(given or {})


def _in_use(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Without the weights of regularizers that were not used, and what is said elsewhere."""
    unused = {f"{name}_weight" for name in ("smart", "bregman", "rdrop")}
    elsewhere = {*SCHEDULE_FIELDS, "auxiliary", "max_validation_rows"}
    return {
        k: v for k, v in hyperparameters.items() if (v or k not in unused) and k not in elsewhere
    }


def _own_schedule(training: TaskTraining) -> dict[str, Any]:
    """What a task's schedule has of its own, under the names of the shared one's rows."""
    own = {name: getattr(training, name) for name in SCHEDULE_FIELDS}
    rows = {name.replace("lr_scheduler_type", "schedule"): value for name, value in own.items()}
    return {name: value for name, value in rows.items() if value is not None}


def _augmentation(plan: TaskAugmentation) -> dict[str, Any]:
    if not plan.augmentation:
        return {}
    methods = ", ".join(map(repr, plan.methods()))
    return {**vars(plan), "augmentation": methods}


def _changed(settings: Any, names: Iterable[str]) -> dict[str, Any]:
    """Those fields of a dataclass that are not at their default, by name."""
    defaults = {f.name: f.default for f in fields(settings)}
    return {n: getattr(settings, n) for n in names if getattr(settings, n) != defaults[n]}

"""Collects what a run recorded for its model card; nothing is guessed."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from trainer.arguments import TaskTraining
from trainer.command_line import Settings
from trainer.data.augmentation import TaskAugmentation
from trainer.data.plans import READ_BY
from trainer.evaluation import METRICS_BY_KIND
from trainer.hub.card import CardFacts, TaskFacts
from trainer.hybrid_trainer import HybridMTLTrainer
from trainer.objective.regularizers import RegularizerOptions
from trainer.optimization import SCHEDULE_FIELDS
from trainer.prepare import PreparedData
from trainer.results import COSINES, FIGURES, logged_cosines, metrics_before
from trainer.trained_parts import TrainedPartsOptions

PACKAGES = ("torch", "transformers", "datasets", "evaluate", "accelerate")
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
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


def collect_facts(
    settings: Settings,
    data: PreparedData,
    trainer: HybridMTLTrainer,
    metrics: Mapping[str, float],
    seconds: float,
) -> CardFacts:
    """The facts of a finished training run.

    Args:
        settings: what the run was told.
        data: its rows.
        trainer: the trainer, after training.
        metrics: the final metrics, `eval_<task>_<metric>`.
        seconds: wall time of training, evaluations between epochs included.
    """
    run, args = settings.run, settings.training
    before = metrics_before(trainer.state.log_history, settings.tasks)
    packaged = run.model_name_or_path == "minilm"
    sample = run.data_dir == "sample"
    facts = [_task_facts(name, settings, data, metrics, before) for name in settings.tasks]
    figures = [
        (_caption(trainer, task.name), f"{FIGURES}/{task.name}.png")
        for task in facts
        if not task.auxiliary
    ]
    figures.append(("Losses and metrics of every task", f"{FIGURES}/learning_curves.png"))
    if logged_cosines(trainer.state.log_history, list(settings.tasks)):
        figures.append(("How well the tasks' gradients agree", f"{FIGURES}/{COSINES}"))
    return CardFacts(
        model_name=Path(args.output_dir).name,
        base_model=MINILM if packaged else _hub_name(run.model_name_or_path),
        base_model_description="a local encoder",
        license=run.license,
        language=run.language,
        tasks=[task for task in facts if run.keep_auxiliary or not task.auxiliary],
        helpers=[task for task in facts if task.auxiliary and not run.keep_auxiliary],
        overall=metrics["eval_overall"],
        overall_before=before["eval_overall"] if before else None,
        shared_hyperparameters=_shared_hyperparameters(settings),
        run=_run_facts(trainer, seconds),
        adapters=[name for name in settings.tasks if name in trainer.model.config.adapters],
        figures=figures,
        is_demonstration=sample,
    )


def _hub_name(name_or_path: str | None) -> str | None:
    return (
        None if name_or_path is None or Path(name_or_path).expanduser().exists() else name_or_path
    )


def _caption(trainer: HybridMTLTrainer, name: str) -> str:
    kind = "Confusion matrix" if trainer.tasks[name].has_labels else "Predicted and true scores"
    return f"{kind} of {name}"


def _task_facts(
    name: str,
    settings: Settings,
    data: PreparedData,
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None,
) -> TaskFacts:
    entry = settings.tasks[name]
    model, source = entry.model, entry.source
    sample = settings.run.data_dir == "sample"
    dataset = None if settings.run.data_dir else _hub_name(source.dataset)
    local = "the demonstration sample shipped with hybrid-mtl" if sample else "local files"
    if entry.made.make_labels is not None:
        local = f"{entry.made.make_labels} of the texts of {', '.join(entry.made.texts_of or ())}"
    return TaskFacts(
        name=name,
        kind=model.kind,
        input=model.input,
        pair_encoding=model.pair_encoding,
        labels=model.labels,
        score_range=model.score_range,
        dataset=dataset,
        dataset_config=source.dataset_config if dataset else None,
        dataset_description=local,
        rows=_row_counts(name, data),
        dropped=data.dropped.get(name, {}),
        metrics=_of_task(name, model.kind, metrics),
        metrics_before=_of_task(name, model.kind, before) if before else None,
        hyperparameters={
            **_in_use(vars(settings.training.task_training(name))),
            **_own_schedule(entry.training),
            "dropout": model.dropout,
            "hidden_sizes": model.hidden_sizes,
            "loss_weight": model.loss_weight,
            **_changed(model, CHANGED_OF_TASK),
            **_augmentation(entry.augmentation),
        },
        auxiliary=entry.training.auxiliary,
    )


def _in_use(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Without the weights of regularizers that were not used, and what is said elsewhere."""
    unused = {f"{name}_weight" for name in ("smart", "bregman", "rdrop")}
    elsewhere = {*SCHEDULE_FIELDS, "auxiliary"}
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


def _row_counts(name: str, data: PreparedData) -> dict[str, int]:
    added = data.augmented.get(name, 0)
    counts = {"train": len(data.train[name]) - added, "augmented": added}
    if not added:
        del counts["augmented"]
    return {**counts, "validation": len(data.validation[name])}


def _of_task(name: str, kind: str, metrics: Mapping[str, float]) -> dict[str, float | None]:
    kind_metrics = METRICS_BY_KIND[kind]
    return {metric: metrics[f"eval_{name}_{metric}"] for metric in kind_metrics}


def _shared_hyperparameters(settings: Settings) -> dict[str, Any]:
    run, args = settings.run, settings.training
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
        "stop": args.stop,
        "plan": args.plan,
        **{name: getattr(args, name) for name, plan in READ_BY.items() if plan == args.plan},
        "optimizer": args.optim,
        "schedule": args.lr_scheduler_type,
        "warmup_steps": args.warmup_steps,
        "max_grad_norm": args.max_grad_norm,
        "gradient_accumulation_steps": args.gradient_accumulation_steps,
        **_phases(settings),
    }


def _phases(settings: Settings) -> dict[str, str]:
    """What each phase did, and where its options differ from those of the run."""
    told = settings.resolved.get("phases", [])
    return {
        f"phase {number} ({entry['name']})": "; ".join(
            f"{key}: {', '.join(value) if key == 'tasks' else value}"
            for key, value in entry.items()
            if key != "name"
        )
        for number, entry in enumerate(told, start=1)
    }


def _changed(settings: Any, names: Iterable[str]) -> dict[str, Any]:
    """Those fields of a dataclass that are not at their default, by name."""
    defaults = {f.name: f.default for f in fields(settings)}
    return {n: getattr(settings, n) for n in names if getattr(settings, n) != defaults[n]}


def _run_facts(trainer: HybridMTLTrainer, seconds: float) -> dict[str, Any]:
    args = trainer.args
    device = f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
    if args.device.type == "cuda":
        device = torch.cuda.get_device_name(args.device)
    return {
        "seed": args.seed,
        "data_seed": args.seed if args.data_seed is None else args.data_seed,
        "epochs": round(trainer.state.epoch or 0.0, 2),
        "steps": trainer.state.global_step,
        "seconds": round(seconds, 1),
        "hardware": device,
        "processes": args.world_size,
        "versions": {name: version(name) for name in PACKAGES},
    }

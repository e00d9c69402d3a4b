"""Collects what a run recorded for its model card; nothing is guessed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trainer.cards.architecture import architecture
from trainer.cards.compute import compute_facts
from trainer.cards.facts import CardFacts, PhaseFacts, TaskFacts
from trainer.cards.hyperparameters import head_hyperparameters, shared_hyperparameters
from trainer.cards.methods import MINILM, methods_used
from trainer.config.settings import Settings
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data.sources import SAMPLE_FOLDER, local_folder
from trainer.evaluation import metrics_of
from trainer.evaluation.results import (
    ARCHITECTURE,
    COSINES,
    CURVES,
    FIGURES,
    OVERALL,
    logged_cosines,
    metrics_before,
    task_figure,
)
from trainer.loading.datasets import PreparedData
from trainer.saving.phase_records import PhaseRecord
from trainer.training.hybrid_trainer import HybridMTLTrainer

PACKAGES = ("hybrid-mtl", "torch", "transformers", "datasets", "evaluate", "accelerate")


def collect_facts(
    settings: Settings,
    data: PreparedData,
    trainer: HybridMTLTrainer,
    metrics: Mapping[str, float],
    reports: Mapping[str, Mapping[str, Any]],
    records: Sequence[PhaseRecord],
) -> CardFacts:
    """The facts of a finished training run.

    Args:
        settings: what the run was told.
        data: its rows.
        trainer: the trainer, after training.
        metrics: the final metrics, `eval_<task>_<metric>`.
        reports: of the final evaluation, as `write_reports` gives them.
        records: an account of each phase, or of the whole of a run without phases.
    """
    run, args = settings.run, settings.training
    before = metrics_before(trainer.state.log_history, settings.tasks)
    facts = [_task_facts(name, settings, data, metrics, before, reports) for name in settings.tasks]
    auxiliary_tasks = [task for task in facts if task.auxiliary and not run.keep_auxiliary]
    packaged = run.model_name_or_path == "minilm"
    model = trainer.accelerator.unwrap_model(trainer.model)
    if auxiliary_tasks:
        model = model.without_tasks([task.name for task in auxiliary_tasks])
    return CardFacts(
        model_name=Path(args.output_dir).name,
        base_model=MINILM if packaged else _hub_name(run.model_name_or_path),
        base_model_description="a local model",
        license=run.license,
        language=run.language,
        tasks=[task for task in facts if task not in auxiliary_tasks],
        auxiliary_tasks=auxiliary_tasks,
        overall=metrics["eval_overall"],
        overall_before=before["eval_overall"] if before else None,
        overall_interval=reports[OVERALL]["interval"],
        shared_hyperparameters=shared_hyperparameters(run, args),
        run=_run_facts(trainer, records),
        adapters=[name for name in settings.tasks if name in model.config.adapters],
        figures=_figures(trainer, facts),
        is_demonstration=run.data_dir == "sample",
        phases=_phases(settings, records),
        architecture=replace(architecture(model), figure=f"{FIGURES}/{ARCHITECTURE}"),
        compute=compute_facts([record.sessions for record in records]),
        chosen_on_evaluation_data=any(part.load_best_model_at_end for part in _trainings(settings)),
        citations=methods_used(settings, model),
    )


def _trainings(settings: Settings) -> list[HybridMTLTrainingArguments]:
    """The arguments of every stretch of training on tasks."""
    phases = [phase.training for phase in settings.phases if phase.objective == "tasks"]
    return phases or [settings.training]


def _hub_name(name_or_path: str | None) -> str | None:
    return (
        None if name_or_path is None or Path(name_or_path).expanduser().exists() else name_or_path
    )


def _figures(trainer: HybridMTLTrainer, tasks: Iterable[TaskFacts]) -> list[tuple[str, str]]:
    """Caption and path of every figure of the results and of training."""
    figures = [
        (_caption(trainer, task.name), f"{FIGURES}/{task_figure(task.name)}")
        for task in tasks
        if not task.auxiliary
    ]
    history = trainer.state.log_history
    parted = "; dotted lines part the phases" if any("phase" in e for e in history) else ""
    figures.append((f"Losses and metrics of every task{parted}", f"{FIGURES}/{CURVES}"))
    if logged_cosines(history, list(trainer.tasks)):
        figures.append(("How well the tasks' gradients agree", f"{FIGURES}/{COSINES}"))
    return figures


def _caption(trainer: HybridMTLTrainer, name: str) -> str:
    kind = "Confusion matrix" if trainer.tasks[name].has_labels else "Predicted and true scores"
    return f"{kind} of {name}"


def _task_facts(
    name: str,
    settings: Settings,
    data: PreparedData,
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None,
    reports: Mapping[str, Mapping[str, Any]],
) -> TaskFacts:
    entry = settings.tasks[name]
    model = entry.model
    return TaskFacts(
        name=name,
        kind=model.kind,
        input=model.input,
        pair_encoding=model.pair_encoding,
        labels=model.labels,
        score_range=model.score_range,
        **_source(name, settings),
        rows=_row_counts(name, data),
        dropped=data.dropped.get(name, {}),
        metrics=_of_task(name, model.kind, metrics),
        metrics_before=_of_task(name, model.kind, before) if before else None,
        intervals=reports[name]["intervals"],
        hyperparameters=head_hyperparameters(entry, settings.training, name),
        auxiliary=entry.training.auxiliary,
    )


def _source(name: str, settings: Settings) -> dict[str, Any]:
    """Where a task's rows came from, the Hub's names or a description, and their licence."""
    made, source = settings.tasks[name].derived, settings.tasks[name].source
    if made.label_generator is not None:
        texts = ", ".join(made.source_tasks or ())
        return {"dataset_description": f"{made.label_generator} of the texts of {texts}"}
    stated = source.data_license
    folder = local_folder(name, source, settings.run.data_dir)
    if folder is None:
        return {
            "dataset": source.dataset,
            "dataset_config": source.dataset_config,
            "dataset_split": source.validation_split,
            "dataset_revision": source.dataset_revision,
            "dataset_license": stated,
        }
    if folder.parent == SAMPLE_FOLDER:
        sample = "the demonstration sample shipped with hybrid-mtl"
        return {"dataset_description": sample, "dataset_license": stated or "Apache 2.0"}
    if source.data_name is None:
        return {"dataset_description": "local files", "dataset_license": stated}
    return {
        "dataset": source.data_name,
        # The configuration is that of the task's own dataset.
        "dataset_config": source.dataset_config if source.data_name == source.dataset else None,
        "from_files": True,
        "dataset_license": stated,
    }


def _row_counts(name: str, data: PreparedData) -> dict[str, int]:
    added = data.augmented.get(name, 0)
    counts = {"train": len(data.train[name]) - added, "augmented": added}
    if not added:
        del counts["augmented"]
    return {**counts, "validation": len(data.validation[name])}


def _of_task(name: str, kind: str, metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {metric: metrics[f"eval_{name}_{metric}"] for metric in metrics_of(kind)}


def _phases(settings: Settings, records: Sequence[PhaseRecord]) -> list[PhaseFacts]:
    """What each phase did, and where its options differ from those of the run."""
    told = settings.resolved.get("phases", [])
    return [
        PhaseFacts(
            name=phase.name,
            objective=phase.objective,
            tasks=phase.tasks,
            steps=record.steps,
            epochs=round(record.epochs, 2),
            seconds=round(record.seconds, 1),
            settings=_own_settings(entry),
        )
        for phase, record, entry in zip(settings.phases, records, told, strict=bool(told))
    ]


def _own_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A phase's own options; those of its tasks by `task.option`."""
    own = {k: v for k, v in entry.items() if k not in ("name", "objective", "tasks")}
    for task, options in entry["tasks"].items():
        own |= {f"{task}.{option}": value for option, value in (options or {}).items()}
    return own


def _run_facts(trainer: HybridMTLTrainer, records: Sequence[PhaseRecord]) -> dict[str, Any]:
    args = trainer.args
    return {
        "seed": args.seed,
        "data_seed": args.seed_of_data,
        "epochs": round(trainer.state.epoch or 0.0, 2),
        "steps": trainer.state.global_step,
        "seconds": round(sum(record.seconds for record in records), 1),
        "processes": args.world_size,
        "versions": _versions(PACKAGES),
    }


def _versions(packages: Collection[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # such as this project, run from its folder alone
            continue
    return found

"""Facts for the model card, collected from the records of a finished run."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modeling_hybrid_mtl import HybridMTLModel
from trainer.cards.architecture import architecture
from trainer.cards.compute import compute_facts
from trainer.cards.facts import CardFacts, TaskFacts
from trainer.cards.hyperparameters import head_hyperparameters, shared_hyperparameters
from trainer.cards.methods import MINILM, methods_used
from trainer.cards.titles import model_title
from trainer.config.settings import Phase, Settings
from trainer.config.tasks import TaskEntry
from trainer.data.partial_labels import count_labeled
from trainer.data.streaming import StreamedRows
from trainer.evaluation import metrics_of
from trainer.evaluation.output_types import EVALUATIONS
from trainer.evaluation.results import (
    ARCHITECTURE,
    CALIBRATION,
    COSINES,
    CURVES,
    FIGURES,
    OVERALL,
    TEST_FIGURES,
    logged_cosines,
    metrics_before,
    task_figure,
)
from trainer.loading.datasets import PreparedData
from trainer.runs.run_facts import phase_facts, run_facts
from trainer.saving.phase_records import PhaseRecord
from trainer.training.hybrid_trainer import HybridMTLTrainer

RELIABILITY = "How often predictions of a probability are right"


def collect_facts(
    settings: Settings,
    data: PreparedData,
    trainer: HybridMTLTrainer,
    metrics: Mapping[str, float],
    reports: Mapping[str, Mapping[str, Any]],
    test_reports: Mapping[str, Mapping[str, Any]],
    records: Sequence[PhaseRecord],
) -> CardFacts:
    """Return the facts of a finished training run.

    Args:
        settings: of the run.
        data: its rows, and what was recorded of them.
        trainer: the trainer, after training.
        metrics: the final metrics, `eval_<task>_<metric>` and `test_<task>_<metric>`.
        reports: of the final evaluation, from `write_reports`.
        test_reports: of the test split; empty without one.
        records: of each phase, or of a run without phases as a whole.
    """
    args = settings.training
    phases = settings.phases or [Phase("training", list(settings.tasks), "tasks", args, 0.0)]
    omitted = [] if settings.run.keep_auxiliary else args.unscored_tasks
    model = _published_model(trainer, omitted)
    before = metrics_before(trainer.state.log_history, settings.tasks)
    tasks = _tasks(settings, data, metrics, before, reports, test_reports)
    return CardFacts(
        **_settings_facts(settings, omitted),
        tasks=[task for task in tasks if task.name not in omitted],
        auxiliary_tasks=[task for task in tasks if task.name in omitted],
        **_overall_facts(metrics, before, reports, test_reports),
        run=run_facts(trainer, records),
        adapters=[name for name in settings.tasks if name in model.config.adapters],
        figures=_figures(trainer, tasks),
        phases=phase_facts(settings.phases, settings.resolved.get("phases", []), records),
        architecture=replace(architecture(model), figure=f"{FIGURES}/{ARCHITECTURE}"),
        compute=compute_facts([record.sessions for record in records]),
        chosen_on_evaluation_data=_chooses_checkpoint(phases),
        citations=_citations(settings, data, phases, model),
    )


def _overall_facts(
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None,
    reports: Mapping[str, Mapping[str, Any]],
    test_reports: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the overall score before and after training and of the test split, with intervals."""
    has_test = "test_overall" in metrics
    return {
        "overall": metrics["eval_overall"],
        "overall_before": before["eval_overall"] if before else None,
        "overall_interval": reports[OVERALL]["interval"],
        "test_overall": metrics.get("test_overall"),
        "test_overall_interval": test_reports[OVERALL]["interval"] if has_test else None,
    }


def _published_model(trainer: HybridMTLTrainer, omitted: Collection[str]) -> HybridMTLModel:
    model = trainer.accelerator.unwrap_model(trainer.model)
    return model.without_tasks(omitted) if omitted else model


def _chooses_checkpoint(phases: Iterable[Phase]) -> bool:
    """Return whether a phase ends with the checkpoint that is best on the evaluation data."""
    return any(
        phase.training.load_best_model_at_end for phase in phases if phase.objective == "tasks"
    )


def _settings_facts(settings: Settings, omitted: Collection[str]) -> dict[str, Any]:
    """Return the facts that follow from the settings alone."""
    run, args = settings.run, settings.training
    base_model = _hub_name(run.model_name_or_path)
    title = model_title([name for name in settings.tasks if name not in omitted], base_model)
    return {
        "model_name": args.hub_model_id if args.push_to_hub and args.hub_model_id else title,
        "base_model": base_model,
        "base_model_description": "a local model",
        "license": run.license,
        "language": run.language,
        "shared_hyperparameters": shared_hyperparameters(run, args),
        "is_demonstration": run.data_dir == "sample",
    }


def _tasks(
    settings: Settings,
    data: PreparedData,
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None,
    reports: Mapping[str, Mapping[str, Any]],
    test_reports: Mapping[str, Mapping[str, Any]],
) -> list[TaskFacts]:
    """Return the facts of every task, in order."""
    tasks = []
    for name, entry in settings.tasks.items():
        facts = {**_data_facts(name, data), "split": _split_fact(entry, settings)}
        facts["hyperparameters"] = head_hyperparameters(entry, settings.training, name)
        names = metrics_of(entry.model.kind, entry.model.labels)
        facts |= _metric_facts(name, names, metrics, before, reports)
        facts |= _test_facts(name, names, metrics, test_reports)
        facts["main_metric"] = entry.training.main_metric or names[0]
        tasks.append(_task_facts(name, entry, facts))
    return tasks


def _citations(
    settings: Settings, data: PreparedData, phases: Sequence[Phase], model: HybridMTLModel
) -> list[str]:
    encoder = settings.run.model_name_or_path
    if encoder not in ("minilm", MINILM):
        encoder = model.config.backbone_config.model_type
    return methods_used(
        encoder,
        settings.tasks,
        data.origins,
        phases,
        has_adapters=bool(model.config.adapters),
        is_calibrated=settings.run.calibrate,
    )


def _hub_name(name_or_path: str) -> str | None:
    """Return the encoder's name on the Hub; None if it is a local folder."""
    if name_or_path == "minilm":
        return MINILM
    return None if Path(name_or_path).expanduser().exists() else name_or_path


def _figures(trainer: HybridMTLTrainer, tasks: Sequence[TaskFacts]) -> list[tuple[str, str]]:
    """Return caption and path of every figure of the results and of training."""
    scored = [task for task in tasks if not task.auxiliary]
    figures = [
        (_caption(trainer, task.name), f"{FIGURES}/{task_figure(task.name)}") for task in scored
    ]
    figures += [
        (
            f"{_caption(trainer, task.name)}, test split",
            f"{FIGURES}/{TEST_FIGURES}/{task_figure(task.name)}",
        )
        for task in scored
        if task.test_metrics
    ]
    if any(task.calibration for task in scored):
        figures.append((RELIABILITY, f"{FIGURES}/{CALIBRATION}"))
    if any(task.test_calibration for task in scored):
        figures.append((f"{RELIABILITY}, test split", f"{FIGURES}/{TEST_FIGURES}/{CALIBRATION}"))
    history = trainer.state.log_history
    parted = "; dotted lines part the phases" if any("phase" in e for e in history) else ""
    figures.append((f"Losses and metrics of every task{parted}", f"{FIGURES}/{CURVES}"))
    if logged_cosines(history, list(trainer.tasks)):
        figures.append(("How well the tasks' gradients agree", f"{FIGURES}/{COSINES}"))
    return figures


def _caption(trainer: HybridMTLTrainer, name: str) -> str:
    return f"{EVALUATIONS[trainer.tasks[name].label_type].caption} of {name}"


def _task_facts(name: str, entry: TaskEntry, facts: Mapping[str, Any]) -> TaskFacts:
    model = entry.model
    return TaskFacts(
        name=name,
        kind=model.kind,
        input=model.input,
        pair_encoding=model.pair_encoding,
        labels=model.labels,
        score_range=model.score_range,
        auxiliary=entry.training.auxiliary,
        score_weight=entry.training.score_weight,
        **facts,
    )


def _data_facts(name: str, data: PreparedData) -> dict[str, Any]:
    """Return the origin of a task's rows, and their counts."""
    added = data.augmented.get(name, 0)
    train = data.train[name]
    # Of streamed rows, the number is as given.
    count = train.num_rows if isinstance(train, StreamedRows) else count_labeled(train, name)
    rows = {} if count is None else {"train": count - added}
    if added:
        rows["augmented"] = added
    rows["validation"] = len(data.validation[name])
    if name in data.test:
        rows["test"] = len(data.test[name])
    overlaps = data.overlaps.get(name, {})
    return {
        **vars(data.origins[name]),
        "rows": rows,
        "dropped": data.dropped.get(name, {}),
        "overlaps": [found.describe(part) for part, found in overlaps.items()],
    }


def _split_fact(entry: TaskEntry, settings: Settings) -> str | None:
    """Return how a task's validation rows were drawn from its training rows, if they were."""
    run, share = settings.run, entry.source.validation_share
    if entry.derived.label_generator is not None or (share is None and run.fold is None):
        return None
    drawn = f"{share:.3g} of the rows" if run.fold is None else f"fold {run.fold} of {run.folds}"
    column = f" or value of {entry.source.split_by}" if entry.source.split_by else ""
    return (
        f"{drawn}, drawn from the training rows with data seed {settings.training.seed_of_data}; "
        f"no text{column} is in both parts"
    )


def _metric_facts(
    name: str,
    names: Sequence[str],
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None,
    reports: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a task's metrics after training and, if measured, before it, with intervals."""
    return {
        "metrics": _of_task(name, names, metrics),
        "metrics_before": _of_task(name, names, before) if before else None,
        "intervals": reports[name]["intervals"],
        "per_class": list(reports[name].get("per_class", {}).values()),
        "calibration": _calibration(reports[name]),
    }


def _test_facts(
    name: str,
    names: Sequence[str],
    metrics: Mapping[str, float],
    reports: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a task's metrics of the test split with intervals, if it has one."""
    if name not in reports:
        return {}
    return {
        "test_metrics": _of_task(name, names, metrics, "test"),
        "test_intervals": reports[name]["intervals"],
        "test_calibration": _calibration(reports[name]),
    }


def _calibration(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report's calibration without the bins of its figure."""
    return {key: value for key, value in report.get("calibration", {}).items() if key != "bins"}


def _of_task(
    name: str, names: Sequence[str], metrics: Mapping[str, float], prefix: str = "eval"
) -> dict[str, float | None]:
    return {metric: metrics[f"{prefix}_{name}_{metric}"] for metric in names}

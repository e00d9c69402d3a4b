"""What a finished evaluation leaves behind: reports, figures and a table to read."""

from collections.abc import Collection, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

from modeling_hybrid_mtl import TaskConfig
from trainer.evaluation import (
    METRICS_BY_KIND,
    classification_report,
    draw_confusion_matrix,
    draw_gradient_cosines,
    draw_learning_curves,
    draw_scatter,
    regression_report,
)
from trainer.evaluation.predictions import TaskPredictions
from trainer.output import write_json

FIGURES = "figures"
COSINES = "gradient_cosines.png"


def write_reports(
    tasks: Mapping[str, TaskConfig], predictions: Mapping[str, TaskPredictions], path: Path
) -> dict[str, dict[str, Any]]:
    """Write each task's confusion matrix and per-class scores, or errors by score band, as JSON."""
    reports = {}
    for name, found in predictions.items():
        task: Any = tasks[name]
        if task.has_labels:
            reports[name] = classification_report(found.predictions, found.labels, task.labels)
        else:
            reports[name] = regression_report(found.predictions, found.labels, task.score_range)
    write_json(path, reports)
    return reports


def draw_figures(
    tasks: Mapping[str, TaskConfig],
    predictions: Mapping[str, TaskPredictions],
    reports: Mapping[str, Mapping[str, Any]],
    log_history: list[dict[str, Any]],
    folder: Path,
    auxiliary: Collection[str] = (),
) -> None:
    """Draw each task's confusion matrix or scatter plot, the learning curves and, if they were
    logged, the cosines of the tasks' gradients.

    Auxiliary tasks have curves and cosines only.
    """
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    for name, found in predictions.items():
        if name in auxiliary:
            continue
        task: Any = tasks[name]
        path = folder / FIGURES / f"{name}.png"
        if task.has_labels:
            draw_confusion_matrix(reports[name], name, path)
        else:
            draw_scatter(found.predictions, found.labels, task.score_range, name, path)
    kinds = {name: tasks[name].kind for name in predictions}
    draw_learning_curves(log_history, kinds, folder / FIGURES / "learning_curves.png", auxiliary)
    pairs = logged_cosines(log_history, list(tasks))
    if pairs:
        draw_gradient_cosines(log_history, pairs, folder / FIGURES / COSINES)


def logged_cosines(log_history: list[dict[str, Any]], tasks: list[str]) -> dict[str, str]:
    """Name in the log -> the two tasks whose gradients' cosine it is."""
    names = {f"gradient_cosine_{a}_{b}": f"{a}, {b}" for a, b in permutations(tasks, 2)}
    return {name: pair for name, pair in names.items() if any(name in e for e in log_history)}


def metrics_before(
    log_history: list[dict[str, Any]], tasks: Collection[str]
) -> dict[str, float] | None:
    """The metrics of all tasks measured before the first step, if they were."""
    for entry in log_history:
        if "eval_overall" in entry:
            all_there = all(f"eval_{task}_loss" in entry for task in tasks)
            return entry if entry.get("step") == 0 and all_there else None
    return None


def format_table(
    tasks: Mapping[str, TaskConfig],
    log_history: list[dict[str, Any]],
    metrics: Mapping[str, float],
) -> str:
    """A table of every metric, with a column for before training if that was measured."""
    before = metrics_before(log_history, tasks)
    lines = [
        f"{'metric':<28}{'before':>10}{'after':>10}" if before else f"{'metric':<28}{'value':>10}"
    ]
    names = [
        f"{task}_{metric}"
        for task, config in tasks.items()
        for metric in (*METRICS_BY_KIND[config.kind], "loss")
        if f"eval_{task}_loss" in metrics
    ]
    for name in [*names, "overall"]:
        key = f"eval_{name}"
        first = f"{before[key]:>10.4f}" if before else ""
        lines.append(f"{name:<28}{first}{metrics[key]:>10.4f}")
    return "\n".join(lines)

"""The reports, figures and tables of a finished evaluation."""

from collections.abc import Collection, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from modeling_hybrid_mtl import TaskConfig
from trainer.evaluation import (
    CurveMarks,
    ScorePart,
    bootstrap_task,
    draw_gradient_cosines,
    draw_learning_curves,
    metrics_of,
    overall_interval,
)
from trainer.evaluation.calibration import Calibration, plain_report
from trainer.evaluation.figure_of_calibration import draw_calibration
from trainer.evaluation.metrics import title_of_metric
from trainer.evaluation.output_types import EVALUATIONS
from trainer.evaluation.predictions import TaskPredictions
from trainer.evaluation.reliability import PROBABILITIES
from trainer.saving.files import write_json

FIGURES = "figures"
CURVES = "learning_curves.png"
COSINES = "gradient_cosines.png"
CALIBRATION = "calibration.png"
ARCHITECTURE = "architecture.png"
# The folder, among the figures, of those of the test split.
TEST_FIGURES = "test"
# A key of the reports beside the tasks; no task can have this name.
OVERALL = "overall score"


def write_reports(
    tasks: Mapping[str, TaskConfig],
    predictions: Mapping[str, TaskPredictions],
    path: Path,
    parts: Mapping[str, ScorePart],
    calibrations: Mapping[str, Calibration] | None = None,
) -> dict[str, dict[str, Any]]:
    """Write the reports of a final evaluation as JSON.

    Args:
        tasks: the model's tasks.
        predictions: their predictions.
        path: the file.
        parts: the tasks' parts in the overall score.
        calibrations: what was fitted to these rows, if anything.

    Returns:
        For each task, its confusion matrix and per-class scores, per-class scores alone for
        multi-label tasks, or errors by score band, the `calibration` of its probabilities, and the
        95% `intervals` of its metrics, (lower, upper); under `overall score`, its `interval`.
        Intervals are None if there are too few rows.
    """
    reports: dict[str, dict[str, Any]] = {}
    draws = {}
    for number, (name, result) in enumerate(predictions.items()):
        task: Any = tasks[name]
        reports[name] = _report(task, result, (calibrations or {}).get(name))
        drawn = bootstrap_task(
            task.kind,
            result.predictions,
            result.labels,
            num_labels=len(task.labels) if task.has_labels else None,
            label_names=task.labels,
            outputs=result.outputs,
            rows=result.rows,
            number=number,
        )
        draws[name] = drawn
        reports[name]["intervals"] = None if drawn is None else drawn.intervals()
    reports[OVERALL] = {"interval": overall_interval(draws, parts)}
    write_json(path, reports)
    return reports


def _report(task: Any, result: TaskPredictions, fitted: Calibration | None) -> dict[str, Any]:
    report = EVALUATIONS[task.label_type].report(task, result)
    if task.output_type in PROBABILITIES:
        report["calibration"] = fitted.report if fitted else plain_report(task, result)
    return report


def draw_figures(
    tasks: Mapping[str, TaskConfig],
    predictions: Mapping[str, TaskPredictions],
    reports: Mapping[str, dict[str, Any]],
    log_history: list[dict[str, Any]],
    folder: Path,
    parts: Mapping[str, ScorePart],
    best_step: int | None = None,
) -> None:
    """Draw a figure for each task, the learning curves and any gradient cosines.

    Auxiliary tasks have curves and cosines only. The step of the model is marked if it is known.
    """
    main = {name: result for name, result in predictions.items() if not parts[name].auxiliary}
    draw_predictions(tasks, main, reports, folder / FIGURES)
    curves = {name: parts[name] for name in predictions}
    marks = _curve_marks(reports, curves, best_step)
    draw_learning_curves(log_history, curves, folder / FIGURES / CURVES, marks)
    pairs = logged_cosines(log_history, list(tasks))
    if pairs:
        draw_gradient_cosines(log_history, pairs, folder / FIGURES / COSINES)


def _curve_marks(
    reports: Mapping[str, dict[str, Any]], parts: Mapping[str, ScorePart], best_step: int | None
) -> CurveMarks:
    intervals, chance = {"": reports.get(OVERALL, {}).get("interval")}, {}
    for task, part in parts.items():
        report = reports.get(task, {})
        intervals[task] = (report.get("intervals") or {}).get(part.metric)
        counts = np.asarray(report.get("confusion_matrix", [])).sum(axis=-1)
        if part.metric == "accuracy" and counts.sum():
            chance[task] = float(counts.max() / counts.sum())
    known = {task: ends for task, ends in intervals.items() if ends is not None}
    return CurveMarks(best_step, known, chance)


def draw_predictions(
    tasks: Mapping[str, TaskConfig],
    predictions: Mapping[str, TaskPredictions],
    reports: Mapping[str, dict[str, Any]],
    folder: Path,
) -> None:
    """Draw the figure of each task, and the reliability of probabilities, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, result in predictions.items():
        task: Any = tasks[name]
        path = folder / task_figure(name)
        EVALUATIONS[task.label_type].draw(task, result, reports[name], name, path)
    found = {n: reports[n]["calibration"] for n in predictions if "calibration" in reports[n]}
    if found:
        draw_calibration(found, folder / CALIBRATION)


def task_figure(name: str) -> str:
    """Return the file name of a task's figure."""
    file = f"{name}.png"
    return f"{name}-task.png" if file in (CURVES, COSINES, CALIBRATION, ARCHITECTURE) else file


def logged_cosines(log_history: list[dict[str, Any]], tasks: list[str]) -> dict[str, str]:
    """Return logged name -> the two tasks, for every logged cosine of gradients."""
    names = {f"gradient_cosine/{a}/{b}": f"{a}, {b}" for a, b in permutations(tasks, 2)}
    return {name: pair for name, pair in names.items() if any(name in e for e in log_history)}


def metrics_before(
    log_history: list[dict[str, Any]], tasks: Collection[str]
) -> dict[str, float] | None:
    """Return the metrics of all tasks before the first step, if they were logged."""
    for entry in log_history:
        if "eval_overall" in entry:
            complete = all(f"eval_{task}_loss" in entry for task in tasks)
            return entry if entry.get("step") == 0 and complete else None
    return None


def format_table(
    tasks: Mapping[str, TaskConfig],
    log_history: list[dict[str, Any]],
    metrics: Mapping[str, float],
) -> str:
    """Format a table of all metrics, with columns of those before training and of the test split.

    Args:
        tasks: the model's tasks.
        log_history: the log, maybe with an evaluation before the first step.
        metrics: `eval_<task>_<metric>` and `test_<task>_<metric>`, or one of the two.
    """
    before = metrics_before(log_history, tasks)
    columns: dict[str, tuple[str, Mapping[str, Any]]] = (
        {} if before is None else {"before": ("eval", before)}
    )
    columns["after" if before else "validation"] = ("eval", metrics)
    columns["test"] = ("test", metrics)
    columns = {
        title: (prefix, values)
        for title, (prefix, values) in columns.items()
        if any(key.startswith(f"{prefix}_") for key in values)
    }
    titles = {
        f"{task}_{metric}": f"{task}_{title_of_metric(metric) if metric != 'loss' else metric}"
        for task, config in tasks.items()
        for metric in (*metrics_of(config.kind, config.labels), "loss")
    }
    titles["overall"] = "overall"
    width = max(28, *(len(title) + 2 for title in titles.values()))
    lines = [f"{'metric':<{width}}" + "".join(f"{title:>12}" for title in columns)]
    for name, title in titles.items():
        found = [values.get(f"{prefix}_{name}") for prefix, values in columns.values()]
        if any(value is not None for value in found):
            cells = (f"{'' if value is None else f'{value:.4f}':>12}" for value in found)
            lines.append(f"{title:<{width}}{''.join(cells)}")
    return "\n".join(lines)

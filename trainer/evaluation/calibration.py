"""Fits a task's temperature, thresholds and lowest score without review to validation rows.

What is fitted to rows looks better on these rows than on others, so it is measured by
cross-fitting: on each half of the rows, with the values that fit the other half.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling_hybrid_mtl import TaskConfig
from trainer.evaluation.predictions import TaskPredictions
from trainer.evaluation.reliability import (
    PROBABILITIES,
    Bools,
    Floats,
    as_distributions,
    decided,
    decisions,
    reliability_report,
    risk_coverage,
)

MIN_ROWS = 30
# Of rows that are all right, or all wrong, the best temperature would be 0 or infinite.
TEMPERATURES = (0.1, 10.0)


@dataclass(frozen=True)
class Calibration:
    """A task's fitted values, and how well they work on other rows.

    Attributes:
        values: field of the task -> value, for those of `CALIBRATION_FIELDS` that it leaves unset.
        result: the task's predictions; those of multi-label tasks with thresholds that were fitted
            to the other half of the rows.
        report: the values, `reliability_report` of calibrated probabilities, `ece_before`, and with
            a lowest score `without_review`: `coverage` and `accuracy` of the predictions above it.
    """

    values: dict[str, Any]
    result: TaskPredictions
    report: dict[str, Any]


def calibrate(
    task: TaskConfig, result: TaskPredictions, target_accuracy: float | None = None
) -> Calibration | None:
    """Fit a task's calibration; None for a task of scores, or with fewer rows than `MIN_ROWS`.

    A temperature that makes the cross-fitted calibration error larger is not among the values.

    Args:
        task: the task, whose given values are kept.
        result: predictions for labeled rows, computed with these values.
        target_accuracy: the accuracy that predictions without review should have; None to send none
            to review.
    """
    rows = np.arange(len(result.outputs)) if result.rows is None else result.rows
    if task.output_type not in PROBABILITIES or len(np.unique(rows)) < MIN_ROWS:
        return None
    found = _calibrate(task, result, target_accuracy, _first_half(rows))
    if "temperature" in found.values and is_worse(found.report):
        without = replace(task, temperature=1.0)
        return _calibrate(without, result, target_accuracy, _first_half(rows))
    return found


def is_worse(report: dict[str, Any]) -> bool:
    """Return whether calibration has made the error larger: of few rows, it may not fit others."""
    return report["ece"] > report["ece_before"]


def _calibrate(
    task: TaskConfig, result: TaskPredictions, target_accuracy: float | None, first: Bools
) -> Calibration:
    values = fit(task, result, target_accuracy)
    outputs = np.array(result.outputs, dtype=np.float64)
    predictions = np.array(result.predictions)
    kept = np.ones(len(outputs), dtype=bool)
    for part in (first, ~first):
        fitted = fit(task, result.select(~part), target_accuracy)
        used = replace(task, **fitted)
        outputs[part] = rescale(outputs[part], fitted.get("temperature", 1.0), task.output_type)
        if task.output_type == "labels":
            predictions[part] = outputs[part] >= np.array(used.thresholds)
        kept[part] = outputs[part].max(axis=1) >= (used.min_score or 0)
    measured = replace(result, outputs=outputs, predictions=predictions)
    report = {**values, "ece_before": reliability_report(result, task.output_type)["ece"]}
    report |= reliability_report(measured, task.output_type)
    if "risk_coverage" in report:
        # As the model will answer: the probabilities of the halves have different temperatures.
        final = rescale(result.outputs, values.get("temperature", 1.0), task.output_type)
        answers = decisions(replace(result, outputs=final), task.output_type)
        report["risk_coverage"] = risk_coverage(*answers)
    if replace(task, **values).min_score is not None:
        report["without_review"] = decided(kept, decisions(measured, task.output_type)[1])
    return Calibration(values, replace(result, predictions=predictions), report)


def plain_report(task: TaskConfig, result: TaskPredictions) -> dict[str, Any]:
    """Return `reliability_report` of rows to which nothing was fitted, such as test rows.

    With a temperature, it has `ece_before`, too; with a `min_score`, `without_review` as in
    `calibrate`.
    """
    report = reliability_report(result, task.output_type)
    if task.temperature is not None:
        outputs = rescale(result.outputs, 1 / task.temperature, task.output_type)
        before = reliability_report(replace(result, outputs=outputs), task.output_type)
        report["ece_before"] = before["ece"]
    if task.min_score is not None:
        scores, right = decisions(result, task.output_type)
        report["without_review"] = decided(scores >= task.min_score, right)
    return report


def _first_half(rows: NDArray[Any]) -> Bools:
    """Return whether each row, or the row of each token, is in the first half, at random."""
    numbers = np.unique(rows)
    shuffled = np.random.default_rng(0).permutation(numbers)
    return np.isin(rows, shuffled[: len(numbers) // 2])


def fit(task: TaskConfig, result: TaskPredictions, target_accuracy: float | None) -> dict[str, Any]:
    """Return the values that fit some rows best, for the fields that the task leaves unset."""
    values: dict[str, Any] = {}
    if task.temperature is None:
        distributions = as_distributions(result.outputs, task.output_type)
        values["temperature"] = fit_temperature(distributions, result.labels)
        scaled = rescale(result.outputs, values["temperature"], task.output_type)
        result = replace(result, outputs=scaled)
    if task.output_type == "labels" and task.thresholds is None:
        values["thresholds"] = fit_thresholds(result.outputs, result.labels)
    if task.output_type == "class" and task.min_score is None and target_accuracy is not None:
        values["min_score"] = fit_min_score(*decisions(result, "class"), target_accuracy)
    return values


def rescale(outputs: NDArray[Any], temperature: float, output_type: str) -> Floats:
    """Return the probabilities (N, C) that logits have when they are divided by a temperature.

    Logits are logarithms of probabilities up to a constant, which softmax removes.
    """
    from scipy.special import softmax

    distributions = as_distributions(outputs, output_type)
    scaled = softmax(_log(distributions) / temperature, axis=-1)
    return scaled[..., 1] if output_type == "labels" else scaled


def _log(probabilities: Floats) -> Floats:
    return np.log(probabilities.clip(np.finfo(np.float32).tiny))


def fit_temperature(distributions: Floats, labels: NDArray[Any]) -> float:
    """Return the temperature T for which the labels y are most likely, within `TEMPERATURES`.

    It minimizes the mean of -log softmax(z / T)_y over the rows, with z = log p (Guo et al. 2017,
    arXiv:1706.04599).

    Args:
        distributions: probabilities p, (..., C).
        labels: class indices, (...).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = _log(distributions)
    index = np.asarray(labels, dtype=np.int64)[..., None]

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=-1)
        return -float(np.take_along_axis(scaled, index, axis=-1).mean())

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded")
    return float(np.exp(found.x))


def fit_thresholds(probabilities: Floats, labels: NDArray[Any]) -> list[float]:
    """Return the threshold of each class that maximizes its F1; 0.5 for a class without rows.

    A threshold lies halfway between the lowest probability that reaches it and the next lower one.

    Args:
        probabilities: (N, C).
        labels: multi-hot, (N, C).
    """
    columns = zip(np.transpose(probabilities), np.transpose(labels), strict=True)
    return [_best_threshold(scores, true) for scores, true in columns]


def _best_threshold(scores: Floats, true: NDArray[Any]) -> float:
    from sklearn.metrics import precision_recall_curve

    if not true.any():
        return 0.5
    precision, recall, values = precision_recall_curve(true, scores)
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], 1e-12)
    best = int(f1.argmax())
    below = values[best - 1] if best > 0 else 0.0
    return float(np.clip((below + values[best]) / 2, 1e-6, 1 - 1e-6))


def fit_min_score(scores: Floats, right: Bools, target_accuracy: float) -> float:
    """Return the score from which on as many decisions as possible have the target accuracy.

    If no score reaches the target, the result is 1: nearly all decisions need review. Otherwise it
    lies halfway between the lowest score that is kept and the next lower one, so that rounding
    changes no decision.

    Args:
        scores: probabilities of decisions, (N,).
        right: whether each is right, (N,).
        target_accuracy: above 0, at most 1.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    accuracy = right[order].cumsum() / np.arange(1, len(order) + 1)
    is_last = np.append(ordered[1:] < ordered[:-1], True)  # of decisions with equal scores
    fitting = np.flatnonzero((accuracy >= target_accuracy) & is_last)
    if not len(fitting):
        return 1.0
    last = fitting[-1]
    below = ordered[last + 1] if last + 1 < len(ordered) else 0.0
    return float(ordered[last] + below) / 2

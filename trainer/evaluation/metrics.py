"""The metrics of each kind of task and the one score that ranks checkpoints.

The metrics are `evaluate` modules shipped in `metric_scripts/`, because `evaluate` itself carries
none and would fetch them. `evaluate`, scikit-learn and scipy are imported on first use: they take
seconds, and most of what imports this package needs only the names.
"""

import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.registry import HEADS, METRICS

if TYPE_CHECKING:
    import evaluate

METRIC_SCRIPTS = Path(__file__).parent / "metric_scripts"

_METRICS = ("accuracy", "f1", "pearsonr", "spearmanr")


@cache
def load_metric(name: str) -> "evaluate.EvaluationModule":
    """Load a metric, once per process.

    Args:
        name: `accuracy`, `f1`, `pearsonr` or `spearmanr`.

    Raises:
        ValueError: The name is unknown.
    """
    if name not in _METRICS:
        raise ValueError(f"Unknown metric {name!r}: use one of {sorted(_METRICS)}.")
    import evaluate

    # In memory: ranks that evaluate at the same time would otherwise contend for one cache file.
    return evaluate.load(str(METRIC_SCRIPTS / name), keep_in_memory=True)


def main_metric(kind: str) -> str:
    """The metric that stands for a task of this kind, such as `accuracy` or `pearson`.

    Raises:
        ValueError: The kind is unknown.
    """
    return metrics_of(kind)[0]


def metrics_of(kind: str) -> tuple[str, ...]:
    """Names of a kind's metrics: its head's, and those that extensions registered for it.

    Raises:
        ValueError: The kind is unknown.
    """
    return (*HEADS.entry(kind).value.metrics, *METRICS.of_kind(kind))


def zero_to_one(metric: str, value: Any) -> Any:
    """A metric's value, or array of values, mapped to 0-1 from its lowest to its highest, 1."""
    lowest = METRICS.entry(metric).lowest
    return (value - lowest) / (1 - lowest)


def paired_classes(
    predictions: ArrayLike, labels: ArrayLike, num_labels: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Check class indices and return them as integer arrays with the number of classes.

    Args:
        predictions: Predicted class indices (N,).
        labels: True class indices (N,).
        num_labels: Number of classes of the task; by default as many as occur, at least 2.

    Returns:
        Predictions (N,), labels (N,) and the number of classes.

    Raises:
        ValueError: Empty, of unequal length, not integers, or outside `0 .. num_labels - 1`.
    """
    predicted, true = _paired(predictions, labels)
    if not all(np.issubdtype(values.dtype, np.integer) for values in (predicted, true)):
        raise ValueError("Predictions and labels must be integer class indices: take the argmax.")
    lowest = int(min(predicted.min(), true.min()))
    highest = int(max(predicted.max(), true.max()))
    if num_labels is None:
        num_labels = max(highest + 1, 2)
    if lowest < 0 or highest >= num_labels:
        raise ValueError(
            f"Class indices must lie in 0..{num_labels - 1}, got {lowest}..{highest}: "
            "leave out ignored positions and check the number of labels."
        )
    return predicted.astype(np.int64), true.astype(np.int64), num_labels


def paired_scores(
    predictions: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check scores and return predictions and labels as float arrays, both (N,).

    Raises:
        ValueError: Empty, of unequal length, or not finite.
    """
    predicted, true = (values.astype(np.float64) for values in _paired(predictions, labels))
    for values, what in ((predicted, "predictions"), (true, "labels")):
        if not np.isfinite(values).all():
            raise ValueError(
                f"The {what} hold values that are not finite: look for a diverged loss or a "
                "broken column before computing metrics."
            )
    return predicted, true


def _paired(predictions: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    predicted, true = np.asarray(predictions), np.asarray(labels)
    if predicted.ndim != 1 or predicted.shape != true.shape or predicted.size == 0:
        raise ValueError(
            "Predictions and labels must be flat, of equal length and not empty, "
            f"got shapes {predicted.shape} and {true.shape}."
        )
    return predicted, true


def compute_task_metrics(
    kind: str,
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    num_labels: int | None = None,
) -> dict[str, float]:
    """Compute every metric of one task.

    F1 is that of class 1 when the task has two classes, else the unweighted mean over all its
    classes; a class that never occurs and is never predicted counts as 0. A correlation that is
    not defined, because all predictions or all labels are the same, is reported as 0.0: such
    predictions say nothing of the order of the examples.

    Args:
        kind: A key of `HEADS`.
        predictions: Class indices (N,) or scores (N,) in the labels' unit; for tags the N tokens
            of all sentences, without ignored positions.
        labels: True class indices or scores (N,).
        num_labels: Number of classes of the task; by default as many as occur, at least 2.
            Without meaning for scores.

    Returns:
        The value of each metric of `metrics_of(kind)`, in that order.

    Raises:
        ValueError: The kind is unknown, or the arrays are refused by `paired_classes` or
            `paired_scores`.
    """
    names = metrics_of(kind)
    pairs: Any
    if HEADS[kind].output_type == "score":
        pairs = (*paired_scores(predictions, labels), None)
    else:
        pairs = paired_classes(predictions, labels, num_labels)
    return {name: float(METRICS[name](*pairs)) for name in names}


@METRICS.register("accuracy")
def _accuracy(predicted: NDArray[np.int64], true: NDArray[np.int64], num_labels: int) -> float:
    return load_metric("accuracy").compute(predictions=predicted, references=true)["accuracy"]


@METRICS.register("f1")
def _f1(predicted: NDArray[np.int64], true: NDArray[np.int64], num_labels: int) -> float:
    pairs = {"predictions": predicted, "references": true}
    average: dict[str, Any] = {"average": "binary", "pos_label": 1}
    if num_labels > 2:
        average = {"average": "macro", "labels": list(range(num_labels))}
    f1_metric = load_metric("f1")
    with warnings.catch_warnings():
        # scikit-learn warns of every class that is never predicted; 0 is what we want for it.
        warnings.simplefilter("ignore")
        return f1_metric.compute(**pairs, **average)["f1"]


@METRICS.register("pearson", lowest=-1.0)
def _pearson(predicted: NDArray[np.float64], true: NDArray[np.float64], _: None) -> float:
    return _correlation("pearsonr", predicted, true)


@METRICS.register("spearman", lowest=-1.0)
def _spearman(predicted: NDArray[np.float64], true: NDArray[np.float64], _: None) -> float:
    return _correlation("spearmanr", predicted, true)


def _correlation(script: str, predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    # The metrics see 32-bit floats, so whether values differ is asked of those.
    pairs = {
        "predictions": predicted.astype(np.float32),
        "references": true.astype(np.float32),
    }
    if any(np.ptp(values) == 0 for values in pairs.values()):
        return 0.0
    metric = load_metric(script)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nearly constant input
        value = float(metric.compute(**pairs)[script])
    return value if np.isfinite(value) else 0.0


def overall_score(
    metrics: Mapping[str, float], kinds: Mapping[str, str], prefix: str = "eval"
) -> float:
    """The mean over tasks of each task's main metric mapped to 0-1; ranks checkpoints.

    Accuracy counts as it is and a correlation r as (1 + r) / 2, so that for two classification
    tasks and one similarity task this is (acc_1 + acc_2 + (1 + r) / 2) / 3.

    Args:
        metrics: Flat results, with `{prefix}_{task}_{main metric}` for every task.
        kinds: The kind of each task.
        prefix: What the names in `metrics` start with.

    Raises:
        KeyError: A task's main metric is missing.
        ValueError: There is no task, or a kind is unknown.
    """
    if not kinds:
        raise ValueError("The overall score needs at least one task.")
    total = 0.0
    for task, kind in kinds.items():
        main = main_metric(kind)
        key = f"{prefix}_{task}_{main}"
        if key not in metrics:
            raise KeyError(f"Task {task!r} has no {key!r} among the metrics: evaluate it first.")
        total += zero_to_one(main, float(metrics[key]))
    return total / len(kinds)

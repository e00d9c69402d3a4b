"""The metrics of each kind of task and the one score that ranks checkpoints.

The metrics are `evaluate` modules shipped in `metric_scripts/`, because `evaluate` would download
its own. `evaluate`, scikit-learn and scipy are imported on first use: they take seconds, and most
importers of this package need only the names.
"""

import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.errors import InputError
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
        ValueError: if the name is unknown.
    """
    if name not in _METRICS:
        raise ValueError(f"Unknown metric {name!r}: must be one of {sorted(_METRICS)}.")
    import evaluate

    # In memory: concurrent ranks would otherwise contend for one cache file.
    return evaluate.load(str(METRIC_SCRIPTS / name), keep_in_memory=True)


def main_metric(kind: str) -> str:
    """Return the main metric of a kind of task, such as `accuracy` or `pearson`.

    Raises:
        ValueError: if the kind is unknown.
    """
    return metrics_of(kind)[0]


def metrics_of(kind: str) -> tuple[str, ...]:
    """Return the names of a kind's metrics: its head's, then those of extensions.

    Raises:
        ValueError: if the kind is unknown.
    """
    return (*HEADS.entry(kind).value.metrics, *METRICS.of_kind(kind))


def zero_to_one(metric: str, value: Any) -> Any:
    """Map a metric's value, or an array of values, from its range (lowest to 1) to 0-1."""
    lowest = METRICS.entry(metric).lowest
    return (value - lowest) / (1 - lowest)


def paired_classes(
    predictions: ArrayLike, labels: ArrayLike, num_labels: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Check class indices and return them as integer arrays with the number of classes.

    Args:
        predictions: predicted class indices, (N,).
        labels: true class indices, (N,).
        num_labels: number of classes of the task; by default as many as occur, at least 2.

    Returns:
        Predictions (N,), labels (N,) and the number of classes.

    Raises:
        ValueError: if they are empty, differ in length, are not integers, or lie outside
            `0 .. num_labels - 1`.
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
            "exclude ignored positions and check the number of labels."
        )
    return predicted.astype(np.int64), true.astype(np.int64), num_labels


def paired_scores(
    predictions: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check scores and return predictions and labels as float arrays, both (N,).

    Raises:
        ValueError: if they are empty, differ in length, or are not finite.
    """
    predicted, true = (values.astype(np.float64) for values in _paired(predictions, labels))
    for name, values in (("predictions", predicted), ("labels", true)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"The {name} contain values that are not finite: look for a diverged loss or a "
                "broken column before computing metrics."
            )
    return predicted, true


def _paired(predictions: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    predicted, true = np.asarray(predictions), np.asarray(labels)
    if predicted.ndim != 1 or predicted.shape != true.shape or predicted.size == 0:
        raise ValueError(
            "Predictions and labels must be flat, of equal length and not empty; "
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

    F1 is that of class 1 for two classes, else the unweighted mean over all classes; a class that
    neither occurs nor is predicted counts as 0. An undefined correlation, of constant predictions
    or labels, is 0.0.

    Args:
        kind: a key of `HEADS`.
        predictions: class indices (N,), or scores (N,) in the labels' unit; for tags the N tokens
            of all sentences, without ignored positions.
        labels: true class indices or scores, (N,).
        num_labels: number of classes of the task; by default as many as occur, at least 2.
            Ignored for scores.

    Returns:
        The value of each metric of `metrics_of(kind)`, in that order.

    Raises:
        ValueError: if the kind is unknown, or as `paired_classes` and `paired_scores`.
    """
    names = metrics_of(kind)
    pairs: Any
    if HEADS[kind].output_type == "score":
        pairs = (*paired_scores(predictions, labels), None)
    else:
        pairs = paired_classes(predictions, labels, num_labels)
    return {name: _value(name, pairs) for name in names}


def _value(name: str, pairs: Any) -> float:
    """Return the value of a metric.

    Raises:
        InputError: if it is not a number or cannot be computed, naming the registration.
    """
    entry = METRICS.entry(name)
    try:
        return float(entry.value(*pairs))
    except Exception as error:  # a user's code may raise anything
        raise InputError(f"{entry.place}: metric '{name}': {error!r}") from error


def check_metrics(kind: str, num_labels: int | None) -> None:
    """Compute the metrics that extensions registered for a kind of task from a few values.

    An error appears before training, not after it.

    Raises:
        InputError: naming the metric that fails.
    """
    labels: Any = np.linspace(0, 1, 8)
    if HEADS[kind].output_type != "score":
        num_labels = num_labels or 2
        labels = np.arange(2 * num_labels) % num_labels
    for name in metrics_of(kind):
        if not METRICS.entry(name).module.startswith("trainer."):
            _value(name, (np.roll(labels, 1), labels, num_labels))


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
        # scikit-learn warns of every class that is never predicted and scores it 0, as we want.
        warnings.simplefilter("ignore")
        return f1_metric.compute(**pairs, **average)["f1"]


@METRICS.register("pearson", lowest=-1.0)
def _pearson(predicted: NDArray[np.float64], true: NDArray[np.float64], _: None) -> float:
    return _correlation("pearsonr", predicted, true)


@METRICS.register("spearman", lowest=-1.0)
def _spearman(predicted: NDArray[np.float64], true: NDArray[np.float64], _: None) -> float:
    return _correlation("spearmanr", predicted, true)


def _correlation(script: str, predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    # The metrics are computed on 32-bit floats, in which values may become equal.
    pairs = {
        "predictions": predicted.astype(np.float32),
        "references": true.astype(np.float32),
    }
    if any(np.ptp(values) == 0 for values in pairs.values()):
        return 0.0
    metric = load_metric(script)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly constant input
        value = float(metric.compute(**pairs)[script])
    return value if np.isfinite(value) else 0.0


def overall_score(
    metrics: Mapping[str, float], kinds: Mapping[str, str], prefix: str = "eval"
) -> float:
    """Return the mean over tasks of the main metric mapped to 0-1, which ranks checkpoints.

    Accuracy is used as it is, and a correlation r as (1 + r) / 2: for two classification tasks and
    one similarity task this is (acc_1 + acc_2 + (1 + r) / 2) / 3.

    Args:
        metrics: flat results with `{prefix}_{task}_{main metric}` for every task.
        kinds: task -> its kind.
        prefix: the prefix of the names in `metrics`.

    Raises:
        KeyError: if a task's main metric is missing.
        ValueError: if there is no task, or a kind is unknown.
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

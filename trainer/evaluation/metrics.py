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
from trainer.evaluation.pairs import PAIRED
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


def label_type_of(kind: str) -> str:
    """Return the type of a kind's labels, which determines how its predictions are measured."""
    head = HEADS.entry(kind).value
    return head.label_type or head.output_type


def zero_to_one(metric: str, value: Any) -> Any:
    """Map a metric's value, or an array of values, to 0-1, the best value to 1.

    A value in its range (lowest to 1) is mapped linearly; an error e, which has no upper limit,
    becomes 1 / (1 + e).
    """
    entry = METRICS.entry(metric)
    if not entry.greater_is_better:
        return 1 / (1 + value)
    return (value - entry.lowest) / (1 - entry.lowest)


def formula_of(metric: str, task: str) -> str | None:
    """Return the formula of `zero_to_one` for a task's metric; None for an unusual range."""
    entry = METRICS.entry(metric)
    if not entry.greater_is_better:
        return f"1 / (1 + {metric}({task}))"
    formulas = {0.0: f"{metric}({task})", -1.0: f"(1 + {metric}({task})) / 2"}
    return formulas.get(entry.lowest)


def axis_label(metric: str) -> str:
    """Return a metric's name and range, for the axis of a figure."""
    entry = METRICS.entry(metric)
    name = {"pearson": "Pearson's r"}.get(metric, metric.replace("_", " "))
    return f"{name} ({entry.lowest:g} to 1)" if entry.greater_is_better else f"{name} (0 is best)"


def title_of_metric(metric: str) -> str:
    """Return a metric's name in tables, with a note if lower values are better."""
    return metric if METRICS.entry(metric).greater_is_better else f"{metric} (lower is better)"


def compute_task_metrics(
    kind: str,
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    num_labels: int | None = None,
    outputs: ArrayLike | None = None,
) -> dict[str, float]:
    """Compute every metric of one task.

    F1 is that of class 1 for two classes, else the unweighted mean over all classes; a class that
    neither occurs nor is predicted counts as 0. An undefined correlation, of constant predictions
    or labels, is 0.0.

    Args:
        kind: a key of `HEADS`.
        predictions: class indices (N,), or scores (N,) in the labels' unit; for tags the N tokens
            of all sentences, without ignored positions; multi-hot (N, C) for multi-label tasks;
            the vectors of both texts, (N, 2, D), for ranking.
        labels: true class indices or scores, (N,), or multi-hot, (N, C); for ranking, the hashes of
            both texts and whether they match, (N, 3).
        num_labels: number of classes of the task; by default as many as occur, at least 2.
            Ignored for scores.
        outputs: probabilities, (N, C), for the metrics that are computed from them.

    Returns:
        The value of each metric of `metrics_of(kind)`, in that order.

    Raises:
        ValueError: if the kind is unknown, `outputs` are needed and missing, or as the functions
            of `pairs`.
    """
    names = metrics_of(kind)
    predicted, true, classes = PAIRED[label_type_of(kind)](predictions, labels, num_labels)
    return {name: _value(name, predicted, outputs, true, classes) for name in names}


def _value(
    name: str, predicted: Any, outputs: ArrayLike | None, true: Any, num_labels: int | None
) -> float:
    """Return the value of a metric.

    Raises:
        InputError: if it is not a number or cannot be computed, naming the registration.
        ValueError: if it is computed from outputs, and there are none.
    """
    entry = METRICS.entry(name)
    if entry.reads_outputs and outputs is None:
        raise ValueError(f"The metric {name} is computed from probabilities: pass outputs.")
    given = outputs if entry.reads_outputs else predicted
    try:
        return float(entry.value(given, true, num_labels))
    except Exception as error:  # a user's code may raise anything
        raise InputError(f"{entry.place}: metric '{name}': {error!r}") from error


def check_metrics(kind: str, num_labels: int | None) -> None:
    """Compute the metrics that extensions registered for a kind of task from a few values.

    An error appears before training, not after it.

    Raises:
        InputError: naming the metric that fails.
    """
    classes = num_labels or 2
    labels: Any = np.linspace(0, 1, 8)
    outputs = labels
    if HEADS[kind].output_type != "score":
        labels = np.arange(2 * classes) % classes
        outputs = np.eye(classes)[labels]
    if HEADS[kind].output_type == "labels":
        labels = outputs.astype(int)
    for name in metrics_of(kind):
        if not METRICS.entry(name).module.startswith("trainer."):
            _value(name, np.roll(labels, 1, axis=0), outputs, labels, num_labels)


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

    A share such as accuracy is used as it is, a correlation r as (1 + r) / 2: for two
    classification tasks and one similarity task this is (acc_1 + acc_2 + (1 + r) / 2) / 3.

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

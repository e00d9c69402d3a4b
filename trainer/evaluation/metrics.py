"""The metrics of each kind of task.

The metrics are `evaluate` modules shipped in `metric_scripts/`, because `evaluate` would download
its own. `evaluate`, scikit-learn and scipy are imported on first use: they take seconds, and most
importers of this package need only the names.
"""

import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.errors import InputError
from trainer.evaluation.pairs import PAIRED
from trainer.evaluation.spans import find_spans, has_spans
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


def main_metric(kind: str, labels: Sequence[str] | None = None) -> str:
    """Return the main metric of a task, such as `accuracy` or `pearson`.

    The arguments and errors are those of `metrics_of`.
    """
    return metrics_of(kind, labels)[0]


def metrics_of(kind: str, labels: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names of a task's metrics: those of its head, then those of extensions.

    Args:
        kind: a key of `HEADS`.
        labels: the names of its classes. Metrics of spans are left out unless they mark spans.

    Raises:
        ValueError: if the kind is unknown.
    """
    names = (*HEADS.entry(kind).value.metrics, *METRICS.of_kind(kind))
    spans = has_spans(labels)
    return tuple(name for name in names if spans or not METRICS.entry(name).reads_spans)


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
    label_names: Sequence[str] | None = None,
    rows: ArrayLike | None = None,
) -> dict[str, float]:
    """Compute every metric of one task.

    F1 is that of class 1 for two classes, else the unweighted mean over the classes that occur or
    are predicted, as in scikit-learn. An undefined correlation, of constant predictions or labels,
    is 0.0.

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
        label_names: the names of the classes, for metrics of spans.
        rows: the row of each token, (N,), for metrics of spans; all are of one row if None.

    Returns:
        The value of each metric of `metrics_of(kind, label_names)`, in that order.

    Raises:
        ValueError: if the kind is unknown, `outputs` are needed and missing, or as the functions
            of `pairs`.
    """
    names = metrics_of(kind, label_names)
    predicted, true, classes = PAIRED[label_type_of(kind)](predictions, labels, num_labels)
    spans: Any = None
    if label_names is not None and any(METRICS.entry(name).reads_spans for name in names):
        row_of = np.zeros(len(true), int) if rows is None else np.asarray(rows)
        spans = [find_spans(tags, row_of, label_names) for tags in (predicted, true)]
    values = {}
    for name in names:
        pair = spans if METRICS.entry(name).reads_spans else (predicted, true)
        values[name] = _value(name, pair[0], outputs, pair[1], classes)
    return values


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
        average = {"average": "macro"}  # over the classes that occur or are predicted
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

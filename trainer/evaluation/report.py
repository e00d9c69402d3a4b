"""Errors by class, and errors by band of the true score."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from trainer.evaluation.pairs import paired_classes, paired_scores

_MIN_BANDS = 4


def classification_report(
    predictions: ArrayLike, labels: ArrayLike, label_names: Sequence[str]
) -> dict[str, Any]:
    """Return the confusion matrix and the scores of each class.

    Args:
        predictions: predicted class indices, (N,).
        labels: true class indices, (N,).
        label_names: the name of every class of the task, (C,).

    Returns:
        A JSON-serializable report. `labels`: the names; `confusion_matrix`: counts (C, C), a row
        per true class and a column per predicted one; `per_class`: by name, `precision`, `recall`
        and `f1` (0 where undefined) and `support`, the number of true examples.

    Raises:
        ValueError: if two classes share a name, or as `paired_classes`.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    names = list(label_names)
    if len(set(names)) != len(names):
        raise ValueError(f"Class names must differ, got {names}.")
    predicted, true, _ = paired_classes(predictions, labels, len(names))
    classes = list(range(len(names)))
    columns = precision_recall_fscore_support(true, predicted, labels=classes, zero_division=0)
    return {
        "labels": names,
        "confusion_matrix": confusion_matrix(true, predicted, labels=classes).tolist(),
        "per_class": class_scores(names, columns),
    }


def class_scores(names: Sequence[str], columns: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return class -> `precision`, `recall`, `f1` and `support`, given scikit-learn's columns."""
    return {
        name: {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "support": int(support),
        }
        for name, precision, recall, f1, support in zip(names, *columns, strict=True)
    }


def regression_report(
    predictions: ArrayLike, labels: ArrayLike, score_range: tuple[float, float]
) -> dict[str, Any]:
    """Return the size of the errors and the bias in each band of the true score.

    Args:
        predictions: predicted scores, (N,), in the labels' unit; may lie outside the range.
        labels: true scores, (N,), within the range.
        score_range: lowest and highest score of the task.

    Returns:
        A JSON-serializable report. `mse` = mean((p - y)^2) in squared score units; `mae` =
        mean(|p - y|) in score units; `bands`: 4 to 10 bands of the true score, whose width is 1, 2
        or 5 times a power of ten (1 for a range of 0 to 5), with `from` (inclusive), `to`
        (exclusive except in the last band), `count`, `mean_label` and `mean_prediction` (None in
        an empty band).

    Raises:
        ValueError: if the range is invalid, a label lies outside it, or as `paired_scores`.
    """
    predicted, true = paired_scores(predictions, labels)
    edges = _band_edges(score_range)
    if true.min() < edges[0] or true.max() > edges[-1]:
        raise ValueError(
            f"Labels lie in {true.min():g}..{true.max():g}, outside the score range "
            f"{edges[0]:g}..{edges[-1]:g}: widen the task's score_range."
        )
    error = predicted - true
    return {
        "mse": float(np.mean(error**2)),
        "mae": float(np.mean(np.abs(error))),
        "bands": _bands(predicted, true, edges),
    }


def _bands(
    predicted: np.ndarray, true: np.ndarray, edges: list[float]
) -> list[dict[str, float | int | None]]:
    band_of = np.digitize(true, edges[1:-1])
    bands: list[dict[str, float | int | None]] = []
    for index, (start, end) in enumerate(zip(edges, edges[1:], strict=False)):
        inside = band_of == index
        count = int(inside.sum())
        bands.append(
            {
                "from": start,
                "to": end,
                "count": count,
                "mean_label": float(true[inside].mean()) if count else None,
                "mean_prediction": float(predicted[inside].mean()) if count else None,
            }
        )
    return bands


def _band_edges(score_range: tuple[float, float]) -> list[float]:
    """Return edges from the lowest to the highest score; only the last band may be narrower."""
    low, high = (float(value) for value in score_range)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"The score range must be (lowest, highest), got {score_range}.")
    width = high - low
    # The largest round step that gives enough bands.
    power = 10.0 ** math.floor(math.log10(width / _MIN_BANDS))
    step = max(n * power for n in (1, 2, 5) if n * power * _MIN_BANDS <= width * (1 + 1e-9))
    # The small term prevents an empty band due to rounding.
    count = math.ceil(width / step - 1e-9)
    # Fifteen digits: 3 * 0.2 becomes 0.6 and not 0.6000000000000001.
    return [float(f"{low + number * step:.15g}") for number in range(count)] + [high]

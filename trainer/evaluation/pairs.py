"""Checks of predictions and labels, by the type of a task's labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.evaluation.match_ranks import paired_matches


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


def paired_labels(
    predictions: ArrayLike, labels: ArrayLike, num_labels: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Check multi-hot rows and return them as integer arrays with the number of classes.

    Args:
        predictions: 1 for each predicted class, otherwise 0, (N, C).
        labels: 1 for each true class, otherwise 0, (N, C).
        num_labels: C, if known.

    Returns:
        Predictions (N, C), labels (N, C) and C.

    Raises:
        ValueError: if they are empty, differ in shape, or hold other values.
    """
    predicted, true = np.asarray(predictions), np.asarray(labels)
    classes = predicted.shape[-1] if num_labels is None else num_labels
    if not predicted.size or predicted.shape != true.shape or true.shape[1:] != (classes,):
        raise ValueError(
            f"Predictions and labels must be multi-hot rows (N, {classes}), N above 0; got shapes "
            f"{predicted.shape} and {true.shape}."
        )
    if not (np.isin(predicted, (0, 1)).all() and np.isin(true, (0, 1)).all()):
        raise ValueError("Predictions and labels must be 0 or 1 for each class: apply thresholds.")
    return predicted.astype(np.int64), true.astype(np.int64), classes


# Type of labels -> a function of predictions, labels and the number of classes that returns them
# checked; the number is None for scores. For ranking it returns ranks and the best possible ones.
PAIRED: dict[str, Callable[[ArrayLike, ArrayLike, int | None], tuple[Any, Any, Any]]] = {
    "class": paired_classes,
    "tags": paired_classes,
    "labels": paired_labels,
    "match": paired_matches,
    "score": lambda predictions, labels, _: (*paired_scores(predictions, labels), None),
}

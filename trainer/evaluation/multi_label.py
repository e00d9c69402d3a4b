"""Metrics and report of multi-label tasks: any number of classes for each row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.evaluation.pairs import paired_labels
from trainer.evaluation.report import class_scores
from trainer.registry import METRICS


@METRICS.register("f1_micro")
def _f1_micro(predicted: NDArray[np.int64], true: NDArray[np.int64], num_labels: int) -> float:
    return _f1(predicted, true, "micro")


@METRICS.register("f1_macro")
def _f1_macro(predicted: NDArray[np.int64], true: NDArray[np.int64], num_labels: int) -> float:
    """Return the mean F1 over the classes that occur or are predicted."""
    return _f1(predicted, true, "macro")


def _f1(predicted: NDArray[np.int64], true: NDArray[np.int64], average: str) -> float:
    from sklearn.metrics import f1_score

    # NaN leaves classes that neither occur nor are predicted out of a mean.
    return float(np.nan_to_num(f1_score(true, predicted, average=average, zero_division=np.nan)))


@METRICS.register("average_precision", reads_outputs=True)
def _average_precision(probabilities: ArrayLike, true: NDArray[np.int64], num_labels: int) -> float:
    """Return the mean average precision (mAP) over the classes that occur."""
    from sklearn.metrics import average_precision_score

    occur = true.any(axis=0)
    if not occur.any():
        return 0.0
    return average_precision_score(true[:, occur], np.asarray(probabilities)[:, occur])


@METRICS.register("subset_accuracy")
def _subset_accuracy(
    predicted: NDArray[np.int64], true: NDArray[np.int64], num_labels: int
) -> float:
    """Return the share of rows of which all classes are right."""
    return float((predicted == true).all(axis=1).mean())


def multi_label_report(
    predictions: ArrayLike, labels: ArrayLike, label_names: Sequence[str]
) -> dict[str, Any]:
    """Return the scores of each class.

    Args:
        predictions: 1 for each predicted class, otherwise 0, (N, C).
        labels: 1 for each true class, otherwise 0, (N, C).
        label_names: the name of every class of the task, (C,).

    Returns:
        A JSON-serializable report. `labels`: the names; `per_class`: by name, `precision`, `recall`
        and `f1` (0 where undefined), `support`, the number of rows with the class, and
        `predicted`, the number of rows for which it is predicted; `classes_per_row` and
        `predicted_per_row`: the mean numbers of classes.

    Raises:
        ValueError: as `paired_labels`.
    """
    from sklearn.metrics import precision_recall_fscore_support

    names = list(label_names)
    predicted, true, _ = paired_labels(predictions, labels, len(names))
    columns = precision_recall_fscore_support(true, predicted, zero_division=0)
    per_class = class_scores(names, columns)
    for name, count in zip(names, predicted.sum(axis=0), strict=True):
        per_class[name]["predicted"] = int(count)
    return {
        "labels": names,
        "per_class": per_class,
        "classes_per_row": float(true.sum(axis=1).mean()),
        "predicted_per_row": float(predicted.sum(axis=1).mean()),
    }

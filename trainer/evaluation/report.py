"""What one number hides: errors by class, and errors by band of the true score."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from trainer.evaluation.metrics import paired_classes, paired_scores


def classification_report(
    predictions: ArrayLike, labels: ArrayLike, label_names: Sequence[str]
) -> dict[str, Any]:
    """Which classes are taken for which, and how well each is found.

    Args:
        predictions: Predicted class indices (N,).
        labels: True class indices (N,).
        label_names: The name of every class of the task, by index (C,).

    Returns:
        Ready for JSON. `labels`: the names; `confusion_matrix`: counts (C, C), a row per true
        class and a column per predicted one; `per_class`: by name, `precision`, `recall` and
        `f1` (0 where undefined) and `support`, the number of true examples.

    Raises:
        ValueError: Two classes share a name, or the arrays are refused by `paired_classes`.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    names = list(label_names)
    if len(set(names)) != len(names):
        raise ValueError(f"Class names must differ from one another, got {names}.")
    predicted, true, _ = paired_classes(predictions, labels, len(names))
    classes = list(range(len(names)))
    columns = precision_recall_fscore_support(true, predicted, labels=classes, zero_division=0)
    return {
        "labels": names,
        "confusion_matrix": confusion_matrix(true, predicted, labels=classes).tolist(),
        "per_class": {
            name: {
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "support": int(support),
            }
            for name, precision, recall, f1, support in zip(names, *columns, strict=True)
        },
    }


def regression_report(
    predictions: ArrayLike, labels: ArrayLike, score_range: tuple[float, float]
) -> dict[str, Any]:
    """The size of the errors, and where on the scale predictions lean to one side.

    Args:
        predictions: Predicted scores (N,), in the labels' unit; may leave the range.
        labels: True scores (N,), within the range.
        score_range: Lowest and highest score of the task.

    Returns:
        Ready for JSON. `mse` = mean((p - y)^2) in squared score units; `mae` = mean(|p - y|) in
        score units; `bands`: for each unit of the true score, `from` (included), `to` (excluded,
        but for the last band), `count`, and `mean_label` and `mean_prediction`, both None in an
        empty band.

    Raises:
        ValueError: The range is not one, a label lies outside it, or the arrays are refused by
            `paired_scores`.
    """
    predicted, true = paired_scores(predictions, labels)
    edges = _unit_edges(score_range)
    if true.min() < edges[0] or true.max() > edges[-1]:
        raise ValueError(
            f"Labels lie in {true.min():g}..{true.max():g}, outside the score range "
            f"{edges[0]:g}..{edges[-1]:g}: widen the task's score_range."
        )
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
    error = predicted - true
    return {
        "mse": float(np.mean(error**2)),
        "mae": float(np.mean(np.abs(error))),
        "bands": bands,
    }


def _unit_edges(score_range: tuple[float, float]) -> list[float]:
    """Edges one unit apart from the lowest score to the highest; the last band may be narrower."""
    low, high = (float(value) for value in score_range)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"The score range must be (lowest, highest), got {score_range}.")
    # The small term keeps rounding in `high - low` from adding an empty band.
    return [low + step for step in range(math.ceil(high - low - 1e-9))] + [high]

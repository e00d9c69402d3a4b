"""How far probabilities can be trusted: calibration error and accuracy by coverage."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.predictions import TaskPredictions

BINS = 15
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
# The types of outputs that are probabilities.
PROBABILITIES = ("class", "labels", "tags")

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def as_distributions(outputs: NDArray[Any], output_type: str) -> Floats:
    """Return the probabilities as distributions over classes, (..., C).

    Args:
        outputs: probabilities, (N, C).
        output_type: `class`, `tags` or `labels`; each of the C probabilities of `labels` is one of
            two classes, (N, C, 2).
    """
    found = np.asarray(outputs, dtype=np.float64)
    if output_type != "labels":
        return found
    limit = float(np.finfo(np.float32).eps) / 2  # of what a sigmoid resolves below 1
    found = found.clip(limit, 1 - limit)
    return np.stack([1 - found, found], axis=-1)


def decisions(result: TaskPredictions, output_type: str) -> tuple[Floats, Bools]:
    """Return the probability of each decision for the most probable class, and whether it is right.

    Args:
        result: N rows or tokens with labels.
        output_type: as for `as_distributions`.

    Returns:
        Two arrays, (N,), or (N * C,) for `labels`, which take a decision for each class.
    """
    distributions = as_distributions(result.outputs, output_type)
    right = distributions.argmax(axis=-1) == result.labels
    return distributions.max(axis=-1).ravel(), right.ravel()


def reliability_bins(scores: Floats, right: Bools) -> list[dict[str, Any]]:
    """Return the mean score and the accuracy of decisions by score, in `BINS` equal intervals.

    Args:
        scores: probabilities of decisions, (N,).
        right: whether each is right, (N,).

    Returns:
        For each interval with decisions `from`, `to`, `count`, `mean_score` and `accuracy`.
    """
    bin_of = np.minimum((scores * BINS).astype(int), BINS - 1)
    bins = []
    for index in np.unique(bin_of):
        inside = bin_of == index
        bins.append(
            {
                "from": float(index / BINS),
                "to": float((index + 1) / BINS),
                "count": int(inside.sum()),
                "mean_score": float(scores[inside].mean()),
                "accuracy": float(right[inside].mean()),
            }
        )
    return bins


def calibration_error(bins: list[dict[str, Any]]) -> float:
    """Return the expected calibration error: the mean of |accuracy - mean score| over decisions.

    As in Naeini et al. (2015) and Guo et al. (2017, arXiv:1706.04599).
    """
    counts = np.array([entry["count"] for entry in bins])
    gaps = [abs(entry["accuracy"] - entry["mean_score"]) for entry in bins]
    return float(np.dot(counts, gaps) / counts.sum())


def risk_coverage(scores: Floats, right: Bools) -> list[dict[str, float]]:
    """Return the accuracy of the most certain decisions if a person takes the others.

    Args:
        scores: probabilities of decisions, (N,).
        right: whether each is right, (N,).

    Returns:
        For each of `COVERAGES`, `coverage` (the share of decisions that are kept, at least this
        much: equal scores are kept together), `min_score` (the lowest of them) and `accuracy`.
    """
    rows = []
    for share in COVERAGES:
        lowest = np.sort(scores)[-max(round(share * len(scores)), 1)]
        rows.append({"min_score": float(lowest), **decided(scores >= lowest, right)})
    return rows


def decided(kept: Bools, right: Bools) -> dict[str, Any]:
    """Return the share of decisions that are kept, and their accuracy, None without any."""
    accuracy = float(right[kept].mean()) if kept.any() else None
    return {"coverage": float(kept.mean()), "accuracy": accuracy}


def reliability_report(result: TaskPredictions, output_type: str) -> dict[str, Any]:
    """Return a JSON-serializable report: `ece`, `bins` and, for one class, `risk_coverage`."""
    scores, right = decisions(result, output_type)
    bins = reliability_bins(scores, right)
    report: dict[str, Any] = {"ece": calibration_error(bins), "bins": bins}
    if output_type == "class":
        report["risk_coverage"] = risk_coverage(scores, right)
    return report

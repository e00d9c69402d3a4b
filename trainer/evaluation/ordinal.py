"""Metrics of classes in an order: the size of an error counts."""

import numpy as np
from numpy.typing import NDArray

from trainer.registry import METRICS


@METRICS.register("quadratic_kappa", lowest=-1.0)
def _quadratic_kappa(
    predicted: NDArray[np.int64], true: NDArray[np.int64], num_labels: int
) -> float:
    """Return Cohen's kappa with quadratic weights; 0 where undefined, if all are of one class."""
    from sklearn.metrics import cohen_kappa_score

    if np.ptp(np.concatenate([predicted, true])) == 0:
        return 0.0
    return float(cohen_kappa_score(true, predicted, labels=range(num_labels), weights="quadratic"))


@METRICS.register("mae", greater_is_better=False)
def _mae(predicted: NDArray[np.int64], true: NDArray[np.int64], num_labels: int) -> float:
    """Return the mean distance of the predicted from the true class, in classes."""
    return float(np.abs(predicted - true).mean())

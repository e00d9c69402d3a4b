"""Bootstrap intervals of metrics: their uncertainty from the finite number of evaluation rows.

The rows are resampled with replacement (Efron 1979); the interval holds the middle 95% of the
values over the draws. A draw is represented by a count for each row, so that all draws take a few
matrix products. For classes, rows with the same true and predicted class are drawn together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.evaluation.metrics import (
    main_metric,
    metrics_of,
    paired_classes,
    paired_scores,
    zero_to_one,
)
from trainer.registry import HEADS

DRAWS = 2000
LEVEL = 0.95
# Independent of the run's seed: the same predictions have the same intervals.
_SEED = 20_140_501
_MAX_BLOCK_ELEMENTS = 4_000_000


@dataclass
class Bootstrap:
    """The values of a task's metrics over all draws of its rows.

    Attributes:
        kind: the kind of task.
        values: metric -> its value in each draw, (DRAWS,).
    """

    kind: str
    values: dict[str, NDArray[np.float64]]

    def intervals(self) -> dict[str, list[float]]:
        """Return metric -> lower and upper end of its interval."""
        return {metric: _interval(values) for metric, values in self.values.items()}


def bootstrap_task(
    kind: str,
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    num_labels: int | None = None,
    rows: ArrayLike | None = None,
    number: int = 0,
) -> Bootstrap | None:
    """Resample a task's rows and compute its metrics for every draw.

    Args:
        kind: a key of `HEADS`.
        predictions: class indices or scores, (N,), as for `compute_task_metrics`.
        labels: true class indices or scores, (N,).
        num_labels: number of classes; by default as many as occur, at least 2.
        rows: for tokens, the row (sentence) of each, (N,): the tokens of a sentence are drawn
            together, as they are not independent. None if each prediction is a row.
        number: the task's index among the others, which seeds its draws.

    Returns:
        The metrics of all draws, or None if there are fewer than two rows.

    Raises:
        ValueError: as `compute_task_metrics`.
    """
    draws = np.random.default_rng([_SEED, number])
    if HEADS.entry(kind).value.output_type != "score":
        predicted, true, classes = paired_classes(predictions, labels, num_labels)
        row_of = np.arange(len(true)) if rows is None else np.asarray(rows)
        count = len(np.unique(row_of))
        values = _class_values(predicted, true, classes, row_of, draws) if count > 1 else None
    else:
        scores = paired_scores(predictions, labels)
        values = _score_values(*scores, draws) if len(scores[0]) > 1 else None
    if values is None:
        return None
    # Metrics of extensions have no interval: the draws need sums over rows.
    return Bootstrap(kind, {name: values[name] for name in metrics_of(kind) if name in values})


def overall_interval(tasks: Mapping[str, Bootstrap | None]) -> list[float] | None:
    """Return the interval of the overall score, the mean over these tasks.

    The tasks are resampled independently. Return None if one has too few rows.
    """
    mapped = []
    for task in tasks.values():
        main = None if task is None else main_metric(task.kind)
        if task is None or main not in task.values:
            return None
        mapped.append(zero_to_one(str(main), task.values[str(main)]))
    return _interval(np.mean(mapped, axis=0)) if mapped else None


def _interval(values: NDArray[np.float64]) -> list[float]:
    outside = (1 - LEVEL) / 2
    return [float(end) for end in np.quantile(values, [outside, 1 - outside])]


def _blocks(width: int) -> Iterator[int]:
    """Yield the sizes of blocks of draws, `width` numbers each, that fit in memory."""
    block = max(1, _MAX_BLOCK_ELEMENTS // width)
    for done in range(0, DRAWS, block):
        yield min(block, DRAWS - done)


def _class_values(
    predicted: NDArray[np.int64],
    true: NDArray[np.int64],
    classes: int,
    row_of: NDArray,
    draws: np.random.Generator,
) -> dict[str, NDArray[np.float64]]:
    """Return the accuracy and F1 of every draw, as `compute_task_metrics` defines them."""
    groups, shares, count = _group_rows(predicted * classes + true, row_of)
    # (groups, 3 * classes): hits, predictions and labels of each class.
    totals = _class_totals(groups, classes)
    accuracy, f1 = [], []
    for size in _blocks(len(shares) + 3 * classes):
        weights = draws.multinomial(count, shares, size=size)
        hits, predictions, labels = np.split((totals.T @ weights.T).T, 3, axis=1)
        accuracy.append(hits.sum(axis=1) / labels.sum(axis=1))
        both = predictions + labels
        class_f1 = np.divide(2.0 * hits, both, out=np.zeros(both.shape), where=both > 0)
        f1.append(class_f1[:, 1] if classes == 2 else class_f1.mean(axis=1))
    return {"accuracy": np.concatenate(accuracy), "f1": np.concatenate(f1)}


def _group_rows(cells: NDArray[np.int64], row_of: NDArray):
    """Group equal rows.

    Args:
        cells: the confusion matrix cell of each prediction, (N,).
        row_of: the row of each prediction, (N,).

    Returns:
        The cell and the group of each distinct prediction, (M,) and (M,); the share of rows in
        each group, (groups,); and the number of rows.
    """
    _, row_of = np.unique(row_of, return_inverse=True)
    count = int(row_of.max()) + 1
    if count == len(cells):  # one prediction per row
        distinct, times = np.unique(cells, return_counts=True)
        return (distinct, np.arange(len(distinct))), times / count, count
    return (cells, row_of), np.full(count, 1 / count), count


def _class_totals(groups: tuple[NDArray, NDArray], classes: int):
    from scipy.sparse import coo_array

    cells, group_of = groups
    predicted, true = cells // classes, cells % classes
    hit = predicted == true
    rows = np.concatenate([group_of[hit], group_of, group_of])
    columns = np.concatenate([predicted[hit], classes + predicted, 2 * classes + true])
    shape = (int(group_of.max()) + 1, 3 * classes)
    return coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()


def _score_values(
    predicted: NDArray[np.float64], true: NDArray[np.float64], draws: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Return Pearson's and Spearman's correlation of every draw."""
    count = len(true)
    pearson, spearman = [], []
    for size in _blocks(count):
        chosen = draws.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        weights = np.bincount(chosen.ravel(), minlength=size * count).reshape(size, count)
        pearson.append(_correlations(weights, predicted[None], true[None]))
        ranks = [_ranks(weights, values) for values in (predicted, true)]
        spearman.append(_correlations(weights, *ranks))
    return {"pearson": np.concatenate(pearson), "spearman": np.concatenate(spearman)}


def _ranks(weights: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean rank of each value in each draw, (draws, N)."""
    _, index = np.unique(values, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    times = np.add.reduceat(weights[:, order], starts, axis=1)
    last = np.cumsum(times, axis=1)
    return (last - (times - 1) / 2)[:, index]


def _correlations(
    weights: NDArray[np.int64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Pearson's correlation for each draw, (draws,); 0 where it is undefined.

    Args:
        weights: the count of each row, (draws, N).
        x: the first variable, (draws, N) or (1, N).
        y: the second variable, of the same shape.
    """
    count = weights.shape[1]
    x = x - (weights * x).sum(axis=1, keepdims=True) / count
    y = y - (weights * y).sum(axis=1, keepdims=True) / count
    xy, xx, yy = ((weights * a * b).sum(axis=1) for a, b in ((x, y), (x, x), (y, y)))
    # The remainder of a constant variable is a rounding error.
    varies = (xx > 1e-12 * count) & (yy > 1e-12 * count)
    scale = np.sqrt(xx * yy)
    return np.divide(xy, scale, out=np.zeros(len(scale)), where=varies)

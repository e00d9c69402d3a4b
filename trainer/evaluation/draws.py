"""The metrics of bootstrap draws, by the type of a task's labels.

A draw is represented by a count for each row, so that all draws take a few matrix products. For
classes, rows with the same true and predicted class are drawn together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.match_ranks import RANK_VALUES

DRAWS = 2000
_MAX_BLOCK_ELEMENTS = 4_000_000

# Metric -> its value in each draw, (DRAWS,).
Values = dict[str, NDArray[np.float64]]


@dataclass
class Drawn:
    """The rows that are drawn.

    Attributes:
        predicted: checked predictions, as in `pairs`.
        true: checked labels.
        classes: the number of classes; None for scores.
        row_of: the row of each prediction, (N,).
        outputs: probabilities (N, C), for metrics that are computed from them.
        spans: the numbers of right, predicted and true spans of each row, (R, 3); None for labels
            without spans.
    """

    predicted: NDArray
    true: NDArray
    classes: Any
    row_of: NDArray
    outputs: Any = None
    spans: NDArray | None = None


def _blocks(width: int) -> Iterator[int]:
    """Yield the sizes of blocks of draws, `width` numbers each, that fit in memory."""
    block = max(1, _MAX_BLOCK_ELEMENTS // width)
    for done in range(0, DRAWS, block):
        yield min(block, DRAWS - done)


def _class_values(data: Drawn, draws: np.random.Generator) -> Values:
    """Return the accuracy, F1, quadratic kappa and mean absolute error of every draw."""
    classes = data.classes
    groups, shares, count = _group_rows(data.predicted * classes + data.true, data.row_of)
    # (groups, 3 * classes): hits, predictions and labels of each class.
    totals = _class_totals(groups, classes)
    distances = _distance_totals(groups, classes)
    values: dict[str, list[NDArray]] = {"accuracy": [], "f1": [], "quadratic_kappa": [], "mae": []}
    for size in _blocks(len(shares) + 3 * classes):
        weights = draws.multinomial(count, shares, size=size)
        hits, predictions, labels = np.split((totals.T @ weights.T).T, 3, axis=1)
        times = labels.sum(axis=1)
        values["accuracy"].append(hits.sum(axis=1) / times)
        both = predictions + labels
        binary = _ratio(2.0 * hits[:, -1], both[:, -1])
        values["f1"].append(binary if classes == 2 else _macro_f1(hits, both))
        absolute, squared = (weights @ distances).T
        values["mae"].append(absolute / times)
        values["quadratic_kappa"].append(_kappa(squared, predictions, labels, times))
    return _concatenate(values)


def _tag_values(data: Drawn, draws: np.random.Generator) -> Values:
    """Return the metrics of classes and, for labels with spans, their F1, of every draw."""
    values = _class_values(data, draws)
    if data.spans is not None:
        count, found = len(data.spans), []
        for size in _blocks(count):
            weights = draws.multinomial(count, np.full(count, 1 / count), size=size)
            hits, predictions, labels = (weights @ data.spans).T
            found.append(_ratio(2 * hits, predictions + labels))
        values["span_f1"] = np.concatenate(found)
    return values


def _kappa(squared: NDArray, predictions: NDArray, labels: NDArray, times: NDArray) -> NDArray:
    """Return 1 - observed / expected squared distance, (draws,); 0 where undefined.

    Args:
        squared: the sum of the squared distances, (draws,).
        predictions: the number of predictions of each class, (draws, C).
        labels: the number of labels of each class, (draws, C).
        times: their sum, (draws,).
    """
    index = np.arange(labels.shape[1])
    means = [(counts @ index) / times for counts in (predictions, labels)]
    squares = [(counts @ index**2) / times for counts in (predictions, labels)]
    expected = sum(squares) - 2 * means[0] * means[1]
    return np.where(expected > 1e-12, 1 - _ratio(squared / times, expected), 0.0)


def _label_values(data: Drawn, draws: np.random.Generator) -> Values:
    """Return the metrics of multi-label tasks of every draw."""
    predicted, true = data.predicted, data.true
    count = len(true)
    exact = (predicted == true).all(axis=1, keepdims=True)
    totals = np.concatenate([predicted * true, predicted, true, exact], axis=1, dtype=np.float64)
    names = ("f1_micro", "f1_macro", "average_precision", "subset_accuracy")
    values: dict[str, list[NDArray]] = {name: [] for name in names}
    for size in _blocks(count + totals.shape[1]):
        weights = draws.multinomial(count, np.full(count, 1 / count), size=size)
        sums = weights @ totals
        hits, predictions, labels = np.split(sums[:, :-1], 3, axis=1)
        both = predictions + labels
        values["f1_micro"].append(_ratio(2 * hits.sum(axis=1), both.sum(axis=1)))
        values["f1_macro"].append(_macro_f1(hits, both))
        values["subset_accuracy"].append(sums[:, -1] / count)
        values["average_precision"].append(_average_precision(weights, data.outputs, true))
    return _concatenate(values)


def _average_precision(weights: NDArray[np.int64], outputs: Any, true: NDArray) -> NDArray:
    """Return the average precision of each draw, (draws,), averaged over the classes in it."""
    total, classes = np.zeros(len(weights)), np.zeros(len(weights))
    times = np.ascontiguousarray(weights.T, dtype=np.int32)  # (N, draws)
    for scores, is_true in zip(np.asarray(outputs).T, true.T.astype(bool), strict=True):
        order = np.argsort(-scores, kind="stable")
        positives = np.flatnonzero(is_true[order])
        if not len(positives):
            continue
        # Rows of equal scores share a threshold, and only those with a positive row count.
        _, last = np.unique(-scores[order], return_index=True)
        ends = np.append(last[1:], len(order))
        group = np.searchsorted(ends, positives, side="right")
        first = np.flatnonzero(np.diff(group, prepend=-1))
        ends = ends[group[first]]
        ordered = times[order[: ends[-1]]]
        rows = np.add.reduceat(ordered, np.append(0, ends[:-1]), axis=0).cumsum(axis=0)
        hits = np.add.reduceat(ordered[positives], first, axis=0)
        found = hits.sum(axis=0)
        total += _ratio((_ratio(hits.cumsum(axis=0), rows) * hits).sum(axis=0), found)
        classes += found > 0
    return _ratio(total, classes)


def _macro_f1(hits: NDArray, both: NDArray) -> NDArray[np.float64]:
    """Return the mean F1 over the classes that occur or are predicted, (draws,).

    Args:
        hits: right predictions of each class, (draws, C).
        both: predictions plus labels of each class, (draws, C).
    """
    return _ratio(_ratio(2.0 * hits, both).sum(axis=1), (both > 0).sum(axis=1))


def _ratio(numerator: NDArray, denominator: NDArray) -> NDArray[np.float64]:
    """Return a quotient, 0 where the denominator is 0."""
    result = np.zeros(np.shape(denominator))
    return np.divide(numerator, denominator, out=result, where=denominator > 0)


def _concatenate(values: dict[str, list[NDArray]]) -> Values:
    return {name: np.concatenate(parts) for name, parts in values.items()}


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


def _distance_totals(groups: tuple[NDArray, NDArray], classes: int) -> NDArray[np.float64]:
    """Return each group's sums of absolute and squared distances of classes, (groups, 2)."""
    cells, group_of = groups
    distance = np.abs(cells // classes - cells % classes)
    sums = [np.bincount(group_of, weights=values) for values in (distance, distance**2)]
    return np.stack(sums, axis=1)


def _score_values(data: Drawn, draws: np.random.Generator) -> Values:
    """Return Pearson's and Spearman's correlation of every draw."""
    predicted, true = data.predicted, data.true
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


def _rank_values(data: Drawn, draws: np.random.Generator) -> Values:
    """Return the metrics of ranking tasks of every draw of matching rows."""
    count = len(data.predicted)
    of_rows = np.stack([value(data.predicted) for value in RANK_VALUES.values()], axis=1)
    means = [
        draws.multinomial(count, np.full(count, 1 / count), size=size) @ of_rows / count
        for size in _blocks(count)
    ]
    return dict(zip(RANK_VALUES, np.concatenate(means).T, strict=True))


# Type of labels -> a function that returns metric -> its value in each draw, (DRAWS,).
VALUES: dict[str, Callable[[Drawn, np.random.Generator], Values]] = {
    "class": _class_values,
    "tags": _tag_values,
    "labels": _label_values,
    "score": _score_values,
    "match": _rank_values,
}

"""How far a metric may be off because the evaluation rows are few: bootstrap intervals.

Rows are drawn with replacement, as many as there are, again and again (Efron 1979); the interval
holds the middle 95% of the values that the draws give. What a draw contributes is a count for each
row, so that all draws are a few matrix products. For classes, rows with the same true and predicted
class are one kind of row, and their counts are drawn at once.
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
# Of its own, not of the run: the same predictions have the same intervals.
_SEED = 20_140_501
_NUMBERS_AT_ONCE = 4_000_000


@dataclass
class Bootstrap:
    """The values of a task's metrics over all draws of its rows.

    Attributes:
        kind: the task's.
        values: metric -> its value in each draw, (DRAWS,).
    """

    kind: str
    values: dict[str, NDArray[np.float64]]

    def intervals(self) -> dict[str, list[float]]:
        """Metric -> lower and upper end of its interval."""
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
    """Draw a task's rows again and again and measure every draw.

    Args:
        kind: A key of `HEADS`.
        predictions: Class indices or scores (N,), as for `compute_task_metrics`.
        labels: True class indices or scores (N,).
        num_labels: Number of classes; by default as many as occur, at least 2.
        rows: For tokens, the row (sentence) that each belongs to (N,): the tokens of a sentence
            are drawn together, as they are not independent. None if each is a row of its own.
        number: The task's place among the others, which gives it draws of its own.

    Returns:
        None if there are fewer than two rows: nothing can be said then.

    Raises:
        ValueError: The kind is unknown, or the arrays are refused as `compute_task_metrics` does.
    """
    draws = np.random.default_rng([_SEED, number])
    if HEADS.entry(kind).value.output_type != "score":
        predicted, true, classes = paired_classes(predictions, labels, num_labels)
        of_row = np.arange(len(true)) if rows is None else np.asarray(rows)
        count = len(np.unique(of_row))
        values = _class_values(predicted, true, classes, of_row, draws) if count > 1 else None
    else:
        scores = paired_scores(predictions, labels)
        values = _score_values(*scores, draws) if len(scores[0]) > 1 else None
    if values is None:
        return None
    # Extensions' metrics have no interval: drawing needs them as sums over rows.
    return Bootstrap(kind, {name: values[name] for name in metrics_of(kind) if name in values})


def overall_interval(tasks: Mapping[str, Bootstrap | None]) -> list[float] | None:
    """The interval of the overall score, from the tasks that it is the mean of.

    Each task's rows are drawn apart from the others'. None if a task has too few of them.
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
    """Numbers of draws that fit in memory at once and add up to all."""
    most = max(1, _NUMBERS_AT_ONCE // width)
    done = 0
    while done < DRAWS:
        yield min(most, DRAWS - done)
        done += most


def _class_values(
    predicted: NDArray[np.int64],
    true: NDArray[np.int64],
    classes: int,
    of_row: NDArray,
    draws: np.random.Generator,
) -> dict[str, NDArray[np.float64]]:
    """Accuracy and F1, as `compute_task_metrics` defines them, of every draw."""
    kinds, shares, count = _kinds_of_rows(predicted * classes + true, of_row)
    # (kinds of rows, 3 * classes): how often each class is hit, predicted, and there.
    totals = _class_totals(kinds, classes)
    accuracy, f1 = [], []
    for size in _blocks(len(shares) + 3 * classes):
        weights = draws.multinomial(count, shares, size=size)
        hits, said, there = np.split((totals.T @ weights.T).T, 3, axis=1)
        accuracy.append(hits.sum(axis=1) / there.sum(axis=1))
        both = said + there
        of_classes = np.divide(2.0 * hits, both, out=np.zeros(both.shape), where=both > 0)
        f1.append(of_classes[:, 1] if classes == 2 else of_classes.mean(axis=1))
    return {"accuracy": np.concatenate(accuracy), "f1": np.concatenate(f1)}


def _kinds_of_rows(cells: NDArray[np.int64], of_row: NDArray):
    """The rows without their repetitions.

    Args:
        cells: the cell of the confusion matrix that each answer falls in, (N,).
        of_row: the row that each belongs to, (N,).

    Returns:
        Cell and kind of row of each answer of the kinds, (M,) and (M,); the share of the rows that
        are of each kind, (kinds,); and how many rows there are.
    """
    _, of_row = np.unique(of_row, return_inverse=True)
    count = int(of_row.max()) + 1
    if count == len(cells):  # one answer a row
        found, times = np.unique(cells, return_counts=True)
        return (found, np.arange(len(found))), times / count, count
    return (cells, of_row), np.full(count, 1 / count), count


def _class_totals(kinds: tuple[NDArray, NDArray], classes: int):
    from scipy.sparse import coo_array

    cells, of_kind = kinds
    said, there = cells // classes, cells % classes
    hit = said == there
    rows = np.concatenate([of_kind[hit], of_kind, of_kind])
    columns = np.concatenate([said[hit], classes + said, 2 * classes + there])
    shape = (int(of_kind.max()) + 1, 3 * classes)
    return coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()


def _score_values(
    predicted: NDArray[np.float64], true: NDArray[np.float64], draws: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Pearson's and Spearman's correlation of every draw."""
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
    """The mean rank that each value has in each draw, (draws, N)."""
    _, of_value = np.unique(values, return_inverse=True)
    order = np.argsort(of_value, kind="stable")
    begins = np.flatnonzero(np.diff(of_value[order], prepend=-1))
    times = np.add.reduceat(weights[:, order], begins, axis=1)
    last = np.cumsum(times, axis=1)
    return (last - (times - 1) / 2)[:, of_value]


def _correlations(
    weights: NDArray[np.int64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pearson's correlation under each draw's weights; 0 where it is not defined.

    Args:
        weights: how often each row was drawn, (draws, N).
        x: the one variable, (draws, N) or (1, N).
        y: the other.
    """
    count = weights.shape[1]
    x = x - (weights * x).sum(axis=1, keepdims=True) / count
    y = y - (weights * y).sum(axis=1, keepdims=True) / count
    products = [(weights * a * b).sum(axis=1) for a, b in ((x, y), (x, x), (y, y))]
    together, of_x, of_y = products
    # What is left of a variable that is the same in all drawn rows is rounding.
    varies = (of_x > 1e-12 * count) & (of_y > 1e-12 * count)
    size = np.sqrt(of_x * of_y)
    return np.divide(together, size, out=np.zeros(len(size)), where=varies)

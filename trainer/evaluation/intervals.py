"""Bootstrap intervals of metrics: their uncertainty from the finite number of evaluation rows.

The rows are resampled with replacement (Efron 1979); the interval holds the middle 95% of the
values over the draws.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.evaluation.draws import VALUES, Drawn
from trainer.evaluation.metrics import label_type_of, main_metric, metrics_of, zero_to_one
from trainer.evaluation.pairs import PAIRED

LEVEL = 0.95
# Independent of the run's seed: the same predictions have the same intervals.
_SEED = 20_140_501


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
    outputs: ArrayLike | None = None,
    rows: ArrayLike | None = None,
    number: int = 0,
) -> Bootstrap | None:
    """Resample a task's rows and compute its metrics for every draw.

    Args:
        kind: a key of `HEADS`.
        predictions: class indices, scores or multi-hot rows, as for `compute_task_metrics`.
        labels: the true ones.
        num_labels: number of classes; by default as many as occur, at least 2.
        outputs: probabilities, (N, C), for the metrics that are computed from them.
        rows: for tokens, the row (sentence) of each, (N,): the tokens of a sentence are drawn
            together, as they are not independent. None if each prediction is a row.
        number: the task's index among the others, which seeds its draws.

    Returns:
        The metrics of all draws, or None if there are fewer than two rows.

    Raises:
        ValueError: as `compute_task_metrics`.
    """
    label_type = label_type_of(kind)
    predicted, true, classes = PAIRED[label_type](predictions, labels, num_labels)
    row_of = np.arange(len(true)) if rows is None else np.asarray(rows)
    if len(np.unique(row_of)) < 2:
        return None
    draws = np.random.default_rng([_SEED, number])
    values = VALUES[label_type](Drawn(predicted, true, classes, row_of, outputs), draws)
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

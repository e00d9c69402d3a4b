"""Bootstrap intervals of metrics: their uncertainty from the finite number of evaluation rows.

The rows are resampled with replacement (Efron 1979); the interval holds the middle 95% of the
values over the draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.evaluation.draws import VALUES, Drawn
from trainer.evaluation.metrics import label_type_of, metrics_of
from trainer.evaluation.pairs import PAIRED
from trainer.evaluation.spans import find_spans, span_counts

LEVEL = 0.95
# Independent of the run's seed: the same predictions have the same intervals.
_SEED = 20_140_501


@dataclass
class Bootstrap:
    """The values of a task's metrics over all draws of its rows.

    Attributes:
        values: metric -> its value in each draw, (DRAWS,).
    """

    values: dict[str, NDArray[np.float64]]

    def intervals(self) -> dict[str, list[float]]:
        """Return metric -> lower and upper end of its interval."""
        return {metric: interval_of(values) for metric, values in self.values.items()}


def bootstrap_task(
    kind: str,
    predictions: ArrayLike,
    labels: ArrayLike,
    *,
    num_labels: int | None = None,
    outputs: ArrayLike | None = None,
    label_names: Sequence[str] | None = None,
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
        label_names: the names of the classes, for metrics of spans.
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
    names = metrics_of(kind, label_names)
    spans = None
    if label_names is not None and "span_f1" in names:
        ours, theirs = (find_spans(tags, row_of, label_names) for tags in (predicted, true))
        spans = span_counts(ours, theirs, row_of)
    values = VALUES[label_type](Drawn(predicted, true, classes, row_of, outputs, spans), draws)
    # Metrics of extensions have no interval: the draws need sums over rows.
    return Bootstrap({name: values[name] for name in names if name in values})


def interval_of(values: NDArray[np.float64]) -> list[float]:
    """Return the lower and upper end of the interval of some draws, (DRAWS,)."""
    outside = (1 - LEVEL) / 2
    return [float(end) for end in np.quantile(values, [outside, 1 - outside])]

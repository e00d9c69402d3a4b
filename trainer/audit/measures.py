"""Measures of a task's predictions on labeled rows, within groups and against all other rows."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.audit.statistics import (
    Estimate,
    compare_correlations,
    compare_means,
    correlation_interval,
    mean_interval,
)
from trainer.statistics import Difference, compare_shares, wilson

ACCURACY, FPR, FNR = "accuracy", "false_positive_rate", "false_negative_rate"
RESIDUAL, ABSOLUTE_ERROR, CORRELATION = "residual", "absolute_error", "correlation"


@dataclass(frozen=True, eq=False)
class Measure(ABC):
    """A measure of rows.

    Attributes:
        name: such as `false_positive_rate`.
        label: the class that it concerns; None for all.
        rows: the rows that it is computed from, (N,).
    """

    name: str
    label: str | None
    rows: NDArray[np.bool_]

    @abstractmethod
    def estimate(self, members: NDArray[np.bool_]) -> Estimate:
        """Return the value of a group, (N,)."""

    @abstractmethod
    def compare(self, members: NDArray[np.bool_]) -> Difference | None:
        """Return the difference of a group, (N,), to all other rows; None if it is undefined."""

    def split(self, members: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the measure's rows in the group, and those of the others."""
        return self.rows & members, self.rows & ~members


@dataclass(frozen=True, eq=False)
class Share(Measure):
    """The share of rows with a property.

    Attributes:
        hits: whether each row has it, (N,).
        unless: why it is undefined without rows.
    """

    hits: NDArray[np.bool_]
    unless: str

    def estimate(self, members: NDArray[np.bool_]) -> Estimate:
        rows, _ = self.split(members)
        n, count = int(rows.sum()), int(self.hits[rows].sum())
        return Estimate(n, count / n, wilson(count, n)) if n else Estimate(0, undefined=self.unless)

    def compare(self, members: NDArray[np.bool_]) -> Difference | None:
        sides = [(int(self.hits[rows].sum()), int(rows.sum())) for rows in self.split(members)]
        return compare_shares(*sides[0], *sides[1]) if all(n for _, n in sides) else None


@dataclass(frozen=True, eq=False)
class Mean(Measure):
    """The mean of a number of each row, (N,)."""

    values: NDArray[np.float64]

    def estimate(self, members: NDArray[np.bool_]) -> Estimate:
        values = self.values[self.split(members)[0]]
        if len(values) < 2:
            value = float(values[0]) if len(values) else None
            return Estimate(len(values), value, undefined="fewer than 2 rows")
        return Estimate(len(values), float(values.mean()), mean_interval(values))

    def compare(self, members: NDArray[np.bool_]) -> Difference | None:
        inside, outside = (self.values[rows] for rows in self.split(members))
        return compare_means(inside, outside) if min(len(inside), len(outside)) > 1 else None


@dataclass(frozen=True, eq=False)
class Correlation(Measure):
    """Pearson's correlation of predicted and true scores, (N,) each."""

    predicted: NDArray[np.float64]
    true: NDArray[np.float64]

    def _of(self, rows: NDArray[np.bool_]) -> float | None:
        sides = self.predicted[rows], self.true[rows]
        if rows.sum() < 4 or any(np.ptp(side) == 0 for side in sides):
            return None
        return float(np.corrcoef(*sides)[0, 1])

    def estimate(self, members: NDArray[np.bool_]) -> Estimate:
        rows, _ = self.split(members)
        n, value = int(rows.sum()), self._of(rows)
        if value is None:
            return Estimate(n, undefined="fewer than 4 rows, or equal scores")
        return Estimate(n, value, correlation_interval(value, n))

    def compare(self, members: NDArray[np.bool_]) -> Difference | None:
        inside, outside = self.split(members)
        values = self._of(inside), self._of(outside)
        if values[0] is None or values[1] is None:
            return None
        return compare_correlations(values[0], int(inside.sum()), values[1], int(outside.sum()))


def class_measures(
    predicted: NDArray[np.int64], true: NDArray[np.int64], labels: list[str]
) -> list[Measure]:
    """Return the accuracy, and the error rates of each class against the rest.

    Args:
        predicted: class indices, (N,).
        true: class indices, (N,).
        labels: the names of the classes. Of two, only the second has rates of its own: those of
            the first are the same, exchanged.
    """
    everything = np.ones(len(true), dtype=bool)
    measures: list[Measure] = [Share(ACCURACY, None, everything, predicted == true, "no rows")]
    for index, label in enumerate(labels):
        if len(labels) != 2 or index == 1:
            measures += _error_rates(predicted == index, true == index, label)
    return measures


def label_measures(
    predicted: NDArray[np.bool_], true: NDArray[np.bool_], labels: list[str]
) -> list[Measure]:
    """Return the share of rows with all labels right, and the error rates of each label.

    Args:
        predicted: multi-hot rows, (N, C).
        true: multi-hot rows, (N, C).
        labels: the names of the classes.
    """
    everything = np.ones(len(true), dtype=bool)
    exact = (predicted == true).all(axis=1)
    measures: list[Measure] = [Share(ACCURACY, None, everything, exact, "no rows")]
    for index, label in enumerate(labels):
        measures += _error_rates(predicted[:, index], true[:, index], label)
    return measures


def _error_rates(
    predicted: NDArray[np.bool_], true: NDArray[np.bool_], label: str
) -> Iterator[Measure]:
    yield Share(FPR, label, ~true, predicted, "no negatives")
    yield Share(FNR, label, true, ~predicted, "no positives")


def score_measures(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> list[Measure]:
    """Return mean residual (predicted - true), absolute error and correlation of scores, (N,)."""
    everything = np.ones(len(true), dtype=bool)
    residuals = predicted - true
    return [
        Mean(RESIDUAL, None, everything, residuals),
        Mean(ABSOLUTE_ERROR, None, everything, np.abs(residuals)),
        Correlation(CORRELATION, None, everything, predicted, true),
    ]

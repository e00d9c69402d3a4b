"""A model's predictions as arrays: scores to compare, and decisions that may flip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling_hybrid_mtl import HybridMTLPipeline, TaskConfig
from trainer.prediction.predictor import Predictor

Row = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Outputs:
    """A task's predictions of N rows.

    Attributes:
        names: the names of the scores: the classes, or `score`.
        scores: probabilities of classes, or the score as a share of the task's range, (N, C).
        decisions: the class index, (N, 1), or which labels are predicted, (N, C); None for scores.
    """

    names: list[str]
    scores: NDArray[np.float64]
    decisions: NDArray[np.int64] | None

    def select(self, rows: Any) -> "Outputs":
        """Return the predictions of some rows."""
        decisions = None if self.decisions is None else self.decisions[rows]
        return Outputs(self.names, self.scores[rows], decisions)

    def flips(self, other: "Outputs") -> NDArray[np.bool_] | None:
        """Return whether the decisions differ from those of other rows, (N,); None for scores."""
        if self.decisions is None or other.decisions is None:
            return None
        return (self.decisions != other.decisions).any(axis=1)

    def shifts(self, other: "Outputs") -> NDArray[np.float64]:
        """Return the largest absolute difference of a score to that of other rows, (N,)."""
        return np.abs(self.scores - other.scores).max(axis=1)

    def describe(self, row: int) -> str:
        """Return the decision of a row with its probability, or its score."""
        if self.decisions is None:
            return f"{self.scores[row, 0]:.2f} of the range"
        if self.decisions.shape[1] == 1:
            index = int(self.decisions[row, 0])
            return f"{self.names[index]} ({self.scores[row, index]:.2f})"
        chosen = [
            name for name, is_on in zip(self.names, self.decisions[row], strict=True) if is_on
        ]
        return ", ".join(chosen) or "no label"


class Predictions:
    """Predicts rows with a model's pipeline.

    Args:
        pipe: the pipeline.
        batch_size: rows per pass.
    """

    def __init__(self, pipe: HybridMTLPipeline, batch_size: int):
        self._pipe, self._batch_size = pipe, batch_size

    def is_score(self, name: str) -> bool:
        """Return whether a task predicts a score rather than classes."""
        return not self._pipe.model.config.task(name).has_labels

    def predict(self, name: str, rows: Sequence[Row]) -> Outputs:
        """Return the predictions of a task that predicts classes, labels or scores."""
        task: TaskConfig = self._pipe.model.config.task(name)
        predictor = Predictor(
            self._pipe, [name], prefixed=False, probabilities=True, batch_size=self._batch_size
        )
        cells = predictor.predict(rows)
        if not task.has_labels:
            low, high = task.score_range or (-1.0, 1.0)
            scores = np.array([[row["score"]] for row in cells], dtype=float)
            return Outputs(["score"], (scores - low) / (high - low), None)
        names = list(task.labels or [])
        scores = np.array([[row[f"probability_{name}"] for name in names] for row in cells])
        if task.output_type == "class":
            return Outputs(names, scores, np.array([[row["index"]] for row in cells]))
        hot = [[index in row["index"] for index in range(len(names))] for row in cells]
        return Outputs(names, scores, np.array(hot, dtype=np.int64))

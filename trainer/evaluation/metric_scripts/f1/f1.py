"""F1 for `evaluate`, usable without a network."""

from typing import Any

import datasets
import evaluate
import numpy as np
from sklearn.metrics import f1_score


class F1(evaluate.Metric):
    """The harmonic mean of precision P and recall R: 2 P R / (P + R).

    Equals the Hub's `f1` in its default configuration.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="The harmonic mean of precision and recall.",
            citation="",
            inputs_description=(
                "predictions, references: class indices (N,). labels: the classes that count. "
                "pos_label: the class scored when average is 'binary'. average: 'binary', "
                "'micro', 'macro', 'weighted', or None for one score a class. "
                "sample_weight: weights (N,)."
            ),
            features=datasets.Features(
                {"predictions": datasets.Value("int32"), "references": datasets.Value("int32")}
            ),
        )

    def _compute(
        self,
        predictions: list[int],
        references: list[int],
        labels: list[int] | None = None,
        pos_label: int = 1,
        average: str | None = "binary",
        sample_weight: list[float] | None = None,
    ) -> dict[str, Any]:
        score = f1_score(
            references,
            predictions,
            labels=labels,
            pos_label=pos_label,
            average=average,
            sample_weight=sample_weight,
        )
        # Only `average=None` over several classes gives more than one number.
        return {"f1": np.asarray(score).item() if np.size(score) == 1 else score}

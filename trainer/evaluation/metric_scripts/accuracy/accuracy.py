"""Accuracy for `evaluate`, usable without a network."""

import datasets
import evaluate
from sklearn.metrics import accuracy_score


class Accuracy(evaluate.Metric):
    """The share of predictions that equal their reference: sum_i [p_i = r_i] / N.

    Equals the Hub's `accuracy` in its default configuration.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="The share of predicted classes that equal the true ones.",
            citation="",
            inputs_description=(
                "predictions, references: class indices (N,). normalize: False gives the number "
                "of correct predictions instead of their share. sample_weight: weights (N,)."
            ),
            features=datasets.Features(
                {"predictions": datasets.Value("int32"), "references": datasets.Value("int32")}
            ),
        )

    def _compute(
        self,
        predictions: list[int],
        references: list[int],
        normalize: bool = True,
        sample_weight: list[float] | None = None,
    ) -> dict[str, float]:
        score = accuracy_score(
            references, predictions, normalize=normalize, sample_weight=sample_weight
        )
        return {"accuracy": float(score)}

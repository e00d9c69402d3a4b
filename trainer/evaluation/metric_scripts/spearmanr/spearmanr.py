"""Spearman's rank correlation for `evaluate`, usable without a network."""

import datasets
import evaluate
from scipy import stats


class Spearmanr(evaluate.Metric):
    """Pearson's correlation of the ranks of predictions and references; ties share a mean rank.

    Equals the Hub's `spearmanr`.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Spearman's coefficient of rank correlation, from -1 to 1.",
            citation="",
            inputs_description=(
                "predictions, references: scores (N,). return_pvalue: also give the two-sided "
                "p-value, as 'spearmanr_pvalue'."
            ),
            features=datasets.Features(
                {"predictions": datasets.Value("float"), "references": datasets.Value("float")}
            ),
        )

    def _compute(
        self, predictions: list[float], references: list[float], return_pvalue: bool = False
    ) -> dict[str, float]:
        coefficient, p_value = stats.spearmanr(references, predictions)
        if return_pvalue:
            return {"spearmanr": coefficient, "spearmanr_pvalue": p_value}
        return {"spearmanr": coefficient}

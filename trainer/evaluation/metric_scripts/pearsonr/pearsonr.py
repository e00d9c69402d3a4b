"""Pearson's correlation for `evaluate`, usable without a network."""

import datasets
import evaluate
from scipy import stats


class Pearsonr(evaluate.Metric):
    """The linear correlation of predictions and references: cov(p, r) / (std(p) std(r)).

    Equals the Hub's `pearsonr`.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Pearson's coefficient of linear correlation, from -1 to 1.",
            citation="",
            inputs_description=(
                "predictions, references: scores (N,). return_pvalue: also give the two-sided "
                "p-value, as 'p-value'."
            ),
            features=datasets.Features(
                {"predictions": datasets.Value("float"), "references": datasets.Value("float")}
            ),
        )

    def _compute(
        self, predictions: list[float], references: list[float], return_pvalue: bool = False
    ) -> dict[str, float]:
        coefficient, p_value = stats.pearsonr(references, predictions)
        if return_pvalue:
            return {"pearsonr": coefficient, "p-value": p_value}
        return {"pearsonr": float(coefficient)}

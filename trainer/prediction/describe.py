"""Predictions in words."""

from typing import Any


def describe_prediction(prediction: Any) -> str:
    """Format an output of the pipeline for people, in one line."""
    if isinstance(prediction, list):
        return " ".join(map(describe_prediction, prediction)) or "no label"
    if "entity" in prediction:
        return f"{prediction['word']}/{prediction['entity']}"
    score = f"{prediction['score']:.2f}"
    if "label" not in prediction:
        return score
    review = ", needs review" if prediction.get("needs_review") else ""
    return f"{prediction['label']} ({score}{review})"

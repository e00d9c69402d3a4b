"""Predictions in words."""

from typing import Any


def describe_prediction(prediction: Any) -> str:
    """Format an output of the pipeline for people, in one line."""
    if isinstance(prediction, list):
        return " ".join(map(describe_prediction, prediction)) or "no label"
    if "entity" in prediction:
        return f"{prediction['word']}/{prediction['entity']}"
    score = f"{prediction['score']:.2f}"
    return f"{prediction['label']} ({score})" if "label" in prediction else score

"""Folders of toy models to export."""

from pathlib import Path
from typing import Any

from tests.modeling.toy_models import toy_model, toy_tokenizer
from trainer.saving.model_folder import write_model

TEXTS = ["the film was good", "dull", "Anna plays in Paris, very witty, very very good"]
LONG = "very " * 40 + "good"
PAIRS = [{"text": TEXTS[i], "text_pair": TEXTS[j]} for i, j in [(0, 1), (2, 2), (1, 0)]]


def toy_folder(folder: Path, model: Any = None, **options: Any):
    """Write a model folder and return its model."""
    model = model or toy_model(**options)
    write_model(model, toy_tokenizer(), folder)
    return model.eval()

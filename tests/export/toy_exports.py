"""Folders of toy models to export."""

from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.modeling.toy_models import TASKS, toy_model, toy_tokenizer
from trainer.export import export
from trainer.saving.model_folder import write_model

TEXTS = ["the film was good", "dull", "Anna plays in Paris, very witty, very very good"]
LONG = "very " * 40 + "good"
PAIRS = [{"text": TEXTS[i], "text_pair": TEXTS[j]} for i, j in [(0, 1), (2, 2), (1, 0)]]


CALIBRATED = {**TASKS["urgency"], "temperature": 1.7, "min_score": 0.5}


def onnx_folder(shared: Path) -> tuple[Path, Any]:
    """Return the ONNX export of a toy BERT with every kind of task, and the model.

    One of the tasks is calibrated. The first process that asks writes it, which takes long.
    """
    folder = shared / "onnx_export"
    tasks = {**TASKS, "urgency": CALIBRATED}
    with FileLock(shared / "onnx_export.lock"):
        if not (folder / "onnx").is_dir():
            toy_folder(folder / "model", tasks=tasks)
            export(str(folder / "model"), folder / "onnx", "onnx")
    return folder / "onnx", toy_model(tasks=tasks)


def toy_folder(folder: Path, model: Any = None, **options: Any):
    """Write a model folder and return its model."""
    model = model or toy_model(**options)
    write_model(model, toy_tokenizer(), folder)
    return model.eval()

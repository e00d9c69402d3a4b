"""Writes the average of several trained models as a model's folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from trainer.errors import InputError
from trainer.export.card import Origin, read_origin
from trainer.loading.averaged_model import open_average
from trainer.loading.model_version import model_version
from trainer.saving.files import check_writable, write_json, write_text
from trainer.saving.model_folder import write_model

# The models, with their versions and shares.
RECORD = "average.json"
TEXT = """# {name}

The average of the weights of {count} models that hybrid-mtl trained for the tasks {tasks}
(a "model soup", [arXiv:2203.05482](https://arxiv.org/abs/2203.05482)):

{models}

It was not measured, and its probabilities are not calibrated.

```python
from transformers import pipeline

pipe = pipeline("hybrid-mtl", model="THIS_FOLDER_OR_REPOSITORY", trust_remote_code=True)
```
"""


def write_average(
    names: Sequence[str], folder: Path, shares: Sequence[float] | None = None
) -> None:
    """Average models, as `open_average` does, and write the model with a card and a record.

    Args:
        names: folders or Hub repositories.
        folder: the output folder, which must be new or empty.
        shares: a positive number for each model; all equal if None.

    Raises:
        InputError: if the models cannot be averaged, or the folder is not empty or not writable.
    """
    check_writable(folder, "output_dir")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"output_dir: '{folder}' is not empty; choose a new folder")
    model, tokenizer = open_average(names, shares)
    write_model(model, tokenizer, folder)
    parts = [1.0] * len(names) if shares is None else shares
    record = [
        {"model": origin.name, "version": model_version(name, None), "share": part / sum(parts)}
        for name, part, origin in zip(names, parts, map(read_origin, names), strict=True)
    ]
    write_json(folder / RECORD, {"models": record})
    write_text(folder / "README.md", _card(folder, list(model.config.tasks), record, names[0]))


def _card(folder: Path, tasks: list[str], record: list[dict[str, Any]], first: str) -> str:
    origin: Origin = read_origin(first)
    kept: dict[str, Any] = {
        key: origin.metadata.get(key)
        for key in ("license", "language", "base_model", "datasets", "library_name", "pipeline_tag")
    }
    data = ModelCardData(**kept, tags=["hybrid-mtl", "multitask"])
    models = [f"- {entry['model']}, {entry['share']:.0%} ({entry['version']})" for entry in record]
    text = TEXT.format(
        name=folder.resolve().name,
        count=len(record),
        tasks=", ".join(tasks),
        models="\n".join(models),
    )
    return f"---\n{data.to_yaml()}\n---\n\n{text}"

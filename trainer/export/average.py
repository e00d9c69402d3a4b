"""Writes the average of several trained models as a model's folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from trainer.cards.titles import THIS_MODEL
from trainer.errors import InputError
from trainer.export.card import Origin, read_origin
from trainer.loading.averaged_model import open_average, relative_shares
from trainer.loading.model_version import model_version
from trainer.saving.files import UNFINISHED, check_writable, write_json, write_text
from trainer.saving.model_folder import write_model

# The models, with their versions and shares.
RECORD = "average.json"
# Of a card's metadata, if all models have the same.
_INHERITED = ("license", "language", "base_model", "datasets", "library_name", "pipeline_tag")
TEXT = """# {name}

The average of the weights of {count} models that hybrid-mtl trained for the tasks {tasks}
(a "model soup", [arXiv:2203.05482](https://arxiv.org/abs/2203.05482)):

{models}

It was not measured, and its probabilities are not calibrated.

```python
from transformers import pipeline

pipe = pipeline("hybrid-mtl", model="{this}", trust_remote_code=True)
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
    parts = relative_shares(names, shares)
    model, tokenizer, commits = open_average(names, shares)
    origins = list(map(read_origin, names))
    record = [
        {"model": origin.name, "version": model_version(name, commit), "share": part}
        for name, origin, commit, part in zip(names, origins, commits, parts, strict=True)
    ]
    with _new_folder(folder) as staged:
        write_model(model, tokenizer, staged)
        write_json(staged / RECORD, {"models": record})
        card = _card(folder.resolve().name, list(model.config.tasks), record, origins)
        write_text(staged / "README.md", card)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder beside a new or empty one, whose place it takes if the block succeeds."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise InputError(f"output_dir: cannot write to '{folder}': {error.strerror}") from error
    try:
        yield staging
        staging.chmod(0o755)
        os.replace(staging, folder)
    except OSError as error:
        raise InputError(f"'{folder}' could not be written: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _card(name: str, tasks: list[str], record: list[dict[str, Any]], origins: list[Origin]) -> str:
    """Return the card, with what the cards of all models say alike."""
    first, *others = [origin.metadata for origin in origins]
    kept: dict[str, Any] = {
        key: first.get(key)
        for key in _INHERITED
        if all(other.get(key) == first.get(key) for other in others)
    }
    data = ModelCardData(**kept, tags=["hybrid-mtl", "multitask"])
    models = [f"- {entry['model']}, {entry['share']:.0%} ({entry['version']})" for entry in record]
    text = TEXT.format(
        name=name,
        this=THIS_MODEL,
        count=len(record),
        tasks=", ".join(tasks),
        models="\n".join(models),
    )
    return f"---\n{data.to_yaml()}\n---\n\n{text}"

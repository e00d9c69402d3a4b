"""The examples that training recorded beside a model."""

import json
from pathlib import Path
from typing import Any

from transformers.utils import cached_file

EXAMPLES_FILE = "examples.json"
# An example's text, or its two.
Texts = tuple[str, ...]


def read_examples(model: str, revision: str | None = None) -> dict[str, list[Texts]]:
    """Return task -> the texts of its examples; empty if the model has no readable file of them.

    Args:
        model: a folder or Hub repository.
        revision: of a repository.
    """
    try:
        path = cached_file(model, EXAMPLES_FILE, revision=revision)
        recorded = json.loads(Path(path).read_text(encoding="utf-8"))
        return {task: [_texts(row) for row in rows] for task, rows in recorded.items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return {}


def _texts(row: dict[str, Any]) -> Texts:
    texts = tuple(row[name] for name in ("text", "text_pair") if name in row)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("an example's texts are strings")
    return texts

"""Checks of a model's folder or repository before it is loaded."""

import json
from pathlib import Path

from huggingface_hub import hf_hub_download

from .errors import UserError

CONFIG = "config.json"
EXPORT = "export.json"
MODEL_TYPE = "hybrid_mtl"


def check_model(name: str, revision: str | None = None) -> None:
    """Check that a folder or Hub repository holds a trained model, without running its code.

    Raises:
        UserError: if there is no such folder or repository, or it holds something else.
    """
    folder = Path(name)
    if not folder.is_dir():
        path = _download(name, revision)
    elif revision is not None:
        raise UserError(f"revision: '{name}' is a folder; only Hub repositories have revisions")
    elif (folder / EXPORT).is_file():
        raise UserError(f"'{name}' is an export; pass the folder of the exported model")
    else:
        path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"'{name}' does not contain a model: there is no {CONFIG}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        kind = content.get("model_type", "unknown")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"'{name}' does not contain a model: cannot read its {CONFIG}: {error}"
        ) from error
    if kind != MODEL_TYPE:
        raise UserError(
            f"'{name}' contains a model of type {kind}; pass the folder or repository of a model "
            f"trained with hybrid-mtl"
        )


def _download(name: str, revision: str | None) -> Path:
    """Download the configuration of a Hub repository."""
    missing = f"there is no folder '{name}'"
    if name.startswith(("/", ".", "~")) or name.count("/") > 1:
        raise UserError(missing)
    try:
        return Path(hf_hub_download(name, CONFIG, revision=revision))
    except Exception as error:  # network, access and name errors have unrelated types
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{missing}, and no Hub model of that name: {reason}") from error

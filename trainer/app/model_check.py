"""Whether a name is that of a model that can be asked, before anything large is loaded."""

import json
from pathlib import Path

from huggingface_hub import hf_hub_download

from .errors import UserError

CONFIG = "config.json"
EXPORT = "export.json"
MODEL_TYPE = "hybrid_mtl"


def check_model(name: str, revision: str | None = None) -> None:
    """Make sure that a folder or Hub repository holds a trained model; none of its code is run.

    Raises:
        UserError: if there is no such folder or repository, or it holds something else.
    """
    folder = Path(name)
    if not folder.is_dir():
        path = _download(name, revision)
    elif revision is not None:
        raise UserError(f"revision: '{name}' is a folder; only a Hub repository has revisions")
    elif (folder / EXPORT).is_file():
        raise UserError(f"'{name}' is an export; name the folder of the model that it was made of")
    else:
        path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"'{name}' holds no model: there is no {CONFIG} in it")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        kind = content.get("model_type", "unknown")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"'{name}' holds no model: its {CONFIG} cannot be read: {error}") from error
    if kind != MODEL_TYPE:
        raise UserError(
            f"'{name}' holds a model of type {kind}; name the folder or repository of one that "
            f"hybrid-mtl trained"
        )


def _download(name: str, revision: str | None) -> Path:
    """The configuration of a Hub repository."""
    missing = f"there is no folder '{name}'"
    if name.startswith(("/", ".", "~")) or name.count("/") > 1:
        raise UserError(missing)
    try:
        return Path(hf_hub_download(name, CONFIG, revision=revision))
    except Exception as error:  # no network, no right, a wrong name: of a dozen unrelated types
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{missing}, and the Hub gives no model of that name: {reason}") from error

"""The version of a model, for logs and answers."""

import hashlib
import json
from pathlib import Path

_WEIGHTS = ("*.safetensors", "*/*.onnx", "*/*.onnx.data")
# The description of an export, and its entry for the version of the exported model.
EXPORT, EXPORTED = "export.json", "model_version"


def model_version(name: str, commit: str | None) -> str:
    """Return a Hub repository's commit, or a fingerprint of the weights in a folder.

    An export has the version of the model that was exported.

    Args:
        name: the folder or repository.
        commit: of the repository, if it is known.
    """
    folder = Path(name)
    if not folder.is_dir():
        return commit or "unknown"
    if exported := _exported_version(folder):
        return exported
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern)):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return f"sha256:{digest.hexdigest()[:16]}"


def _exported_version(folder: Path) -> str | None:
    """Return the recorded version; None if there is none, as of other folders."""
    try:
        content = json.loads((folder / EXPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = content.get(EXPORTED) if isinstance(content, dict) else None
    return found if isinstance(found, str) else None

"""The version of a model, for logs and answers."""

import hashlib
from pathlib import Path

_WEIGHTS = ("*.safetensors", "*.onnx", "*.onnx.data")


def model_version(name: str, commit: str | None) -> str:
    """Return a Hub repository's commit, or a fingerprint of the weights in a folder.

    Args:
        name: the folder or repository.
        commit: of the repository, if it is known.
    """
    folder = Path(name)
    if not folder.is_dir():
        return commit or "unknown"
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern)):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return f"sha256:{digest.hexdigest()[:16]}"

"""The cache folder of processed data."""

import tempfile
from pathlib import Path

from datasets import config

from trainer.errors import InputError


def cache_folder(*parts: str) -> Path:
    """Create a folder of this library in the cache of `datasets`, check it, and return its path.

    Args:
        parts: names of nested subfolders.

    Raises:
        InputError: if the folder is not writable.
    """
    root = Path(config.HF_DATASETS_CACHE)
    folder = root.joinpath("hybrid-mtl", *parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # `datasets` itself writes to the root.
        for path in (root, folder):
            with tempfile.TemporaryFile(dir=path):
                pass
    except (OSError, ValueError) as error:  # ValueError: invalid path
        raise InputError(
            f"the cache folder '{root}' cannot be written to: {error}; set another one with the "
            f"environment variable HF_DATASETS_CACHE"
        ) from error
    return folder

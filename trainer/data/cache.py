"""Where what is made from data is kept for later runs."""

import tempfile
from pathlib import Path

from datasets import config

from trainer.errors import InputError


def cache_folder(*parts: str) -> Path:
    """A folder of our own in the cache of `datasets`, made and tried.

    Args:
        parts: names of the folders in it.

    Raises:
        InputError: if it cannot be written to, saying how to name another one.
    """
    root = Path(config.HF_DATASETS_CACHE)
    folder = root.joinpath("hybrid-mtl", *parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # `datasets` writes beside ours.
        for place in (root, folder):
            with tempfile.TemporaryFile(dir=place):
                pass
    except (OSError, ValueError) as error:  # ValueError: a name that is none
        raise InputError(
            f"the cache folder '{root}' cannot be written to: {error}; name another one with the "
            f"environment variable HF_DATASETS_CACHE"
        ) from error
    return folder

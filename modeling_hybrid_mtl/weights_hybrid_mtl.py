"""Weights come from safetensors alone."""

import json
from pathlib import PurePosixPath
from typing import Any

from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, cached_file

# Where `from_pretrained` finds a repository, by name.
PLACES = ("revision", "token", "cache_dir", "subfolder", "local_files_only")


def check_weights(name_or_path: Any, **hub: Any) -> None:
    """Make sure that the files of weights that an index names are safetensors of its own folder.

    `use_safetensors=True` governs which index is read, but not what that may name.

    Args:
        name_or_path: a folder, or a repository on the Hub.
        hub: where on the Hub, and from where in a cache, as for `from_pretrained`.

    Raises:
        ValueError: naming the first file that is not.
    """
    index = cached_file(
        name_or_path,
        SAFE_WEIGHTS_INDEX_NAME,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_connection_errors=False,
        **hub,
    )
    if index is None:
        return
    try:
        with open(index, encoding="utf-8") as file:
            names = sorted(set(json.load(file)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"'{name_or_path}': {SAFE_WEIGHTS_INDEX_NAME} is damaged") from error
    for name in names:
        if PurePosixPath(name).name != name or "\\" in name or not name.endswith(".safetensors"):
            raise ValueError(
                f"'{name_or_path}': {SAFE_WEIGHTS_INDEX_NAME} names {name!r}; weights are read "
                f"from safetensors files of the same folder only"
            )

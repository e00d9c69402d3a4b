"""Checks of weights: safetensors only, and complete for a trained model."""

import json
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any

from torch import nn
from transformers import PretrainedConfig
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, cached_file

# Options of `from_pretrained` that locate a repository.
HUB_KWARGS = ("revision", "token", "cache_dir", "subfolder", "local_files_only")


class DamagedModelError(ValueError):
    """Raised if the weights of a trained model are incomplete or damaged."""


def check_weights(name_or_path: Any, **hub: Any) -> None:
    """Check that an index of weights lists safetensors files of its own folder only.

    `use_safetensors=True` selects the index, but does not restrict the files that it lists.

    Args:
        name_or_path: a folder, or a repository on the Hub.
        hub: options of `from_pretrained` that locate the repository.

    Raises:
        ValueError: naming the first invalid file.
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
                f"'{name_or_path}': {SAFE_WEIGHTS_INDEX_NAME} lists {name!r}; weights must be "
                f"safetensors files in the same folder"
            )


def model_type(name_or_path: Any, **hub: Any) -> str | None:
    """Return the model type in the configuration of a folder or a Hub repository.

    Args:
        name_or_path: a folder, or a repository on the Hub.
        hub: as for `check_weights`.
    """
    content, _ = PretrainedConfig.get_config_dict(name_or_path, **hub)
    return content.get("model_type")


def check_shapes(name_or_path: Any, mismatched: Collection[tuple[str, Any, Any]]) -> None:
    """Check that the shapes of a trained model's weights match its configuration.

    Args:
        name_or_path: the origin of the model.
        mismatched: name, saved shape and configured shape of each mismatched weight.

    Raises:
        DamagedModelError: naming the first such weight, its head and both shapes.
    """
    if not mismatched:
        return
    weight, stored, configured = min(mismatched, key=lambda entry: entry[0])
    part, name = weight.split(".")[:2]
    component = f"the head of task '{name}'" if part == "heads" else "the encoder"
    raise DamagedModelError(
        f"'{name_or_path}': {component} does not match the configuration: '{weight}' has shape "
        f"{tuple(stored)}, expected {tuple(configured)}; use the configuration that was saved with "
        f"these weights"
    )


def check_complete(name_or_path: Any, model: nn.Module, missing: Collection[str]) -> None:
    """Check that all weights of a trained model were loaded and are finite.

    Args:
        name_or_path: the origin of the model.
        model: the model.
        missing: the names of the missing weights, which are initialized randomly.

    Raises:
        DamagedModelError: naming the first weight that is missing or not finite.
    """
    problem, weights = "missing", sorted(missing)
    if not weights:
        problem, weights = (
            "not finite",
            [n for n, w in model.named_parameters() if not _is_finite(w)],
        )
    if weights:
        raise DamagedModelError(
            f"'{name_or_path}': {len(weights)} weights of this trained model are {problem}, first "
            f"'{weights[0]}'; download or save the model again"
        )


def _is_finite(weight: Any) -> bool:
    if weight.is_meta or not weight.is_floating_point() or not weight.numel():
        return True
    # NaN propagates to both ends; needs no memory of the weight's size.
    return all(bool(end.isfinite()) for end in weight.detach().aminmax())

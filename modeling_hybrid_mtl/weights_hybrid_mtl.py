"""Weights come from safetensors alone, and a trained model has all of them."""

import json
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any

from torch import nn
from transformers import PretrainedConfig
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, cached_file

# Where `from_pretrained` finds a repository, by name.
HUB_KWARGS = ("revision", "token", "cache_dir", "subfolder", "local_files_only")


class DamagedModelError(ValueError):
    """A trained model is not there as it was saved."""


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


def model_type(name_or_path: Any, **hub: Any) -> str | None:
    """The kind of model that a folder, or a repository on the Hub, says that it holds.

    Args:
        name_or_path: of the folder or repository.
        hub: as for `check_weights`.
    """
    content, _ = PretrainedConfig.get_config_dict(name_or_path, **hub)
    return content.get("model_type")


def check_shapes(name_or_path: Any, mismatched: Collection[tuple[str, Any, Any]]) -> None:
    """Make sure that a trained model's weights are of the shapes that its configuration gives.

    Args:
        name_or_path: where it was loaded from.
        mismatched: name, shape and shape by the configuration of each weight where the two differ.

    Raises:
        DamagedModelError: naming the first such weight, its head and both shapes.
    """
    if not mismatched:
        return
    weight, stored, wanted = min(mismatched, key=lambda entry: entry[0])
    part, name = weight.split(".")[:2]
    what = f"the head of task '{name}'" if part == "heads" else "the encoder"
    raise DamagedModelError(
        f"'{name_or_path}': {what} does not fit the configuration: '{weight}' has the shape "
        f"{tuple(stored)}, and by the configuration it is {tuple(wanted)}; take the "
        f"configuration that was saved with these weights"
    )


def check_complete(name_or_path: Any, model: nn.Module, missing: Collection[str]) -> None:
    """Make sure that a trained model was loaded as it was saved.

    Args:
        name_or_path: where it was loaded from.
        model: the model.
        missing: the names of the weights that were not there, and that are random numbers now.

    Raises:
        DamagedModelError: if a weight was not there, or is not finite, naming the first.
    """
    what, bad = "missing", sorted(missing)
    if not bad:
        what, bad = "not finite", [n for n, w in model.named_parameters() if not _is_finite(w)]
    if bad:
        raise DamagedModelError(
            f"'{name_or_path}': {len(bad)} weights of this trained model are {what}, first "
            f"'{bad[0]}'; get the model anew"
        )


def _is_finite(weight: Any) -> bool:
    if weight.is_meta or not weight.is_floating_point() or not weight.numel():
        return True
    # NaN goes through both; nothing of the weight's size is made.
    return all(bool(end.isfinite()) for end in weight.detach().aminmax())

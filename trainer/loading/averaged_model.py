"""The average of several trained models (model soups, Wortsman et al., arXiv:2203.05482)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.calibration_hybrid_mtl import CALIBRATION_FIELDS
from trainer.errors import InputError
from trainer.loading.trained_model import open_trained

# Fields of a task that change its training alone: models that differ in them can be averaged.
TRAINING_FIELDS = ("loss", "focal_gamma", "label_smoothing", "dropout", "loss_weight")


def open_average(
    names: Sequence[str], shares: Sequence[float] | None = None
) -> tuple[HybridMTLModel, PreTrainedTokenizerBase]:
    """Return a model whose weights are the weighted mean of those of several models.

    The sum is taken in float64. Temperatures and thresholds, which were fitted to the outputs of
    one model, are removed.

    Args:
        names: folders or Hub repositories of at least two models with the same tasks, encoder
            and vocabulary.
        shares: a positive number for each model; all equal if None.

    Raises:
        InputError: if a model cannot be opened, or is unlike the first; or for wrong shares.
    """
    check_shares(names, shares)
    parts = [1.0] * len(names) if shares is None else list(shares)
    total = sum(parts)
    model, tokenizer = open_trained(names[0], dtype=torch.float32)
    expected = _comparable(model)
    vocabulary = tokenizer.get_vocab()
    sums = {key: _weighted(value, parts[0] / total) for key, value in model.state_dict().items()}
    for name, part in zip(names[1:], parts[1:], strict=True):
        other, other_tokenizer = open_trained(name, dtype=torch.float32)
        _check_alike(name, names[0], _comparable(other), expected)
        if other_tokenizer.get_vocab() != vocabulary:
            raise InputError(f"'{name}' and '{names[0]}' have different vocabularies")
        for key, value in other.state_dict().items():
            if value.is_floating_point():
                sums[key] += _weighted(value, part / total)
    model.load_state_dict(sums)
    for entry in model.config.tasks.values():
        entry.update(dict.fromkeys(CALIBRATION_FIELDS))
    return model, tokenizer


def check_shares(names: Sequence[str], shares: Sequence[float] | None) -> None:
    """Check the number of models, and that each has a positive share.

    Raises:
        InputError: naming what is wrong.
    """
    if len(names) < 2:
        raise InputError("an average needs at least two models")
    if shares is None:
        return
    if len(shares) != len(names):
        raise InputError(f"shares: {len(shares)} for {len(names)} models; give one for each")
    for share in shares:
        if not 0 < share < float("inf"):
            raise InputError(f"shares: {share:g} must be a positive number")


def _weighted(value: Tensor, share: float) -> Tensor:
    return value.double() * share if value.is_floating_point() else value


def _comparable(model: HybridMTLModel) -> dict[str, Any]:
    """Return what models must have in common: setting -> value."""
    config = model.config
    ignored = (*TRAINING_FIELDS, *CALIBRATION_FIELDS)
    tasks = {
        f"field '{key}' of task '{name}'": value
        for name, entry in config.tasks.items()
        for key, value in entry.items()
        if key not in ignored
    }
    shapes = {f"the shape of '{key}'": tuple(x.shape) for key, x in model.state_dict().items()}
    return {
        "the type of the encoder": config.backbone_config.model_type,
        "the pooling": config.pooling,
        "the activation of the shared layers": config.shared_activation,
        **tasks,
        **shapes,
        "the adapters": config.adapters,
    }


def _check_alike(name: str, first: str, found: dict[str, Any], expected: dict[str, Any]) -> None:
    for what in dict.fromkeys([*expected, *found]):
        if found.get(what) != expected.get(what):
            raise InputError(
                f"'{name}' cannot be averaged with '{first}': {what} is "
                f"{found.get(what, 'missing')}, in '{first}' {expected.get(what, 'missing')}"
            )

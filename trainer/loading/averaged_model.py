"""The average of several trained models (model soups, Wortsman et al., arXiv:2203.05482)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLModel
from modeling_hybrid_mtl.calibration_hybrid_mtl import CALIBRATION_FIELDS
from trainer.errors import InputError
from trainer.loading.trained_model import open_trained

# Fields of a task that change its training alone: models that differ in them can be averaged.
TRAINING_FIELDS = ("loss", "focal_gamma", "label_smoothing", "dropout", "loss_weight")
# Longer values, such as a vocabulary, are not part of a message.
_LONGEST_SHOWN = 100


class Average(NamedTuple):
    """An averaged model.

    Attributes:
        model: in evaluation mode.
        tokenizer: of the first model, like that of the others.
        commits: of the models from the Hub; None for a folder.
    """

    model: HybridMTLModel
    tokenizer: PreTrainedTokenizerBase
    commits: list[str | None]


def open_average(names: Sequence[str], shares: Sequence[float] | None = None) -> "Average":
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
    weights = relative_shares(names, shares)
    model, tokenizer = open_trained(names[0], dtype=torch.float32)
    expected = _comparable(model, tokenizer)
    commits = [_commit(model)]
    sums = {key: _weighted(value, weights[0]) for key, value in model.state_dict().items()}
    for name, weight in zip(names[1:], weights[1:], strict=True):
        other, other_tokenizer = open_trained(name, dtype=torch.float32)
        _check_alike(name, names[0], _comparable(other, other_tokenizer), expected)
        commits.append(_commit(other))
        for key, value in other.state_dict().items():
            if value.is_floating_point():
                sums[key] += _weighted(value, weight)
    model.load_state_dict(sums)
    for entry in model.config.tasks.values():
        entry.update(dict.fromkeys(CALIBRATION_FIELDS))
    return Average(model, tokenizer, commits)


def relative_shares(names: Sequence[str], shares: Sequence[float] | None) -> list[float]:
    """Return each model's share of the average; they add up to 1.

    Args:
        names: of the models.
        shares: a positive number for each; all equal if None.

    Raises:
        InputError: naming what is wrong.
    """
    if len(names) < 2:
        raise InputError("an average needs at least two models")
    if shares is None:
        return [1 / len(names)] * len(names)
    if len(shares) != len(names):
        raise InputError(f"shares: {len(shares)} for {len(names)} models; give one for each")
    for share in shares:
        if not 0 < share < float("inf"):
            raise InputError(f"shares: {share:g} must be a positive number")
    total = sum(shares)
    if not total < float("inf"):
        raise InputError("shares: their sum is too large")
    return [share / total for share in shares]


def _commit(model: HybridMTLModel) -> str | None:
    """Return the commit of a model from the Hub."""
    return getattr(model.config, "_commit_hash", None)


def _weighted(value: Tensor, share: float) -> Tensor:
    return value.double() * share if value.is_floating_point() else value


def _comparable(model: HybridMTLModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
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
    encoder = {
        f"the encoder's '{key}'": value
        for key, value in config.backbone_config.to_dict().items()
        if not _only_for_training(key)
    }
    return {
        "the type of the encoder": config.backbone_config.model_type,
        "the pooling": config.pooling,
        "the activation of the shared layers": config.shared_activation,
        **tasks,
        **shapes,
        **encoder,
        "the adapters": {n: {**x, "dropout": 0.0} for n, x in config.adapters.items()},
        "the vocabulary": tokenizer.get_vocab(),
        "the limit of tokens": tokenizer.model_max_length,
        "the tokenizer": _rules(tokenizer),
    }


def _only_for_training(key: str) -> bool:
    """Return whether a setting of an encoder does not change its predictions."""
    return "drop" in key or key in ("transformers_version", "dtype", "initializer_range")


def _rules(tokenizer: PreTrainedTokenizerBase) -> Any:
    """Return how a tokenizer splits texts."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    return tokenizer.init_kwargs if fast is None else fast.to_str()


def _check_alike(name: str, first: str, found: dict[str, Any], expected: dict[str, Any]) -> None:
    for what in dict.fromkeys([*expected, *found]):
        if found.get(what) == expected.get(what):
            continue
        ours, theirs = (str(values.get(what, "missing")) for values in (found, expected))
        long = max(len(ours), len(theirs)) > _LONGEST_SHOWN
        detail = "differs" if long else f"is {ours}, in '{first}' {theirs}"
        raise InputError(f"'{name}' cannot be averaged with '{first}': {what} {detail}")

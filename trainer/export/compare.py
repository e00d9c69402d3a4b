"""Differences between the outputs of a model and its export."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import TaskHead
from trainer.export.samples import sample_pairs

FIELDS = ("input_ids", "attention_mask", "token_type_ids")
# Token counts of rows: other shapes than the traced one.
LENGTHS = ((3,), (7, 2, 5))
MAX_LENGTH = 512

# A task, or None for sentence vectors alone, and the inputs of `forward`.
Batch = tuple[str | None, dict[str, Tensor]]


def random_batches(config: HybridMTLConfig, tokenizer: PreTrainedTokenizerBase) -> Iterator[Batch]:
    """Yield random tokens in several shapes, up to the tokenizer's limit, for each task."""
    longest = min(tokenizer.model_max_length, MAX_LENGTH)
    for index, lengths in enumerate((*LENGTHS, (longest, 4))):
        first, second = (_random(config, lengths, 2 * index + side) for side in (0, 1))
        yield None, first
        for name in config.tasks:
            yield name, _pair_inputs(config.task(name), first, second)


def _random(config: Any, lengths: tuple[int, ...], seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = len(lengths), max(lengths)
    ids = torch.randint(config.backbone_config.vocab_size, shape, generator=generator)
    mask = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).long()
    padding = getattr(config.backbone_config, "pad_token_id", None) or 0
    return {"input_ids": ids.where(mask.bool(), padding), "attention_mask": mask}


def text_batches(config: HybridMTLConfig, tokenizer: PreTrainedTokenizerBase) -> Iterator[Batch]:
    """Yield texts of the shipped sample, for each task."""

    def encode(*texts: list[str]) -> dict[str, Tensor]:
        encoded = tokenizer(*texts, padding=True, truncation=True, return_tensors="pt")
        return {name: encoded[name] for name in FIELDS if name in encoded}

    pairs = sample_pairs(64)
    for start in range(0, len(pairs), 16):
        left, right = map(list, zip(*pairs[start : start + 16], strict=True))
        first, second = encode(left), encode(right)
        yield None, first
        for name in config.tasks:
            task = config.task(name)
            cross = task.pair_encoding == "cross"
            yield name, encode(left, right) if cross else _pair_inputs(task, first, second)


def _pair_inputs(
    task: TaskConfig, first: dict[str, Tensor], second: dict[str, Tensor]
) -> dict[str, Tensor]:
    if not task.is_siamese:
        return first
    return {**first, **{f"pair_{name}": value for name, value in second.items()}}


@torch.no_grad()
def largest_difference(model: Any, other: Any, batches: Iterable[Batch]) -> tuple[float, str]:
    """Return the largest difference of a logit or vector entry, and its task or `embeddings`.

    Differences are relative to the batch's largest value if that exceeds 1.
    """
    largest = (0.0, "embeddings")
    for task, inputs in batches:
        ours, theirs = model(**inputs, task=task), other(**inputs, task=task)
        difference = _relative_difference(ours.embeddings, theirs.embeddings)
        largest = max(largest, (difference, "embeddings"))
        if task is not None:
            logits = [_drop_padding(side.logits, inputs) for side in (ours, theirs)]
            largest = max(largest, (_relative_difference(*logits), task))
    return largest


def _drop_padding(values: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    """Return the values of real tokens, (tokens, classes), if there is one row per token."""
    return values[inputs["attention_mask"].bool()] if values.dim() == 3 else values


def _relative_difference(ours: Tensor, theirs: Tensor) -> float:
    difference = (ours - theirs).abs().max() / ours.abs().max().clamp(min=1)
    # Comparisons with NaN are false, so NaN counts as infinity.
    return float(difference.nan_to_num(nan=torch.inf))


@torch.no_grad()
def prediction_changes(
    model: Any, other: Any, batches: Iterable[Batch]
) -> dict[str, dict[str, float]]:
    """Compare the predictions of two models.

    Returns:
        For each task, the `largest` and `mean` change of a probability or score and, with labels,
        `same`, the share of unchanged labels; for `embeddings`, the smallest `cosine`.
    """
    parts: dict[str, list[tuple[Tensor, Tensor]]] = {}
    heads = model.heads
    cosine = 1.0
    for task, inputs in batches:
        ours, theirs = model(**inputs, task=task), other(**inputs, task=task)
        if task is None:
            cosines = functional.cosine_similarity(ours.embeddings, theirs.embeddings)
            cosine = min(cosine, cosines.min().item())
            continue
        predictions = [
            _drop_padding(side.heads[task].postprocess(output.logits), inputs)
            for side, output in ((model, ours), (other, theirs))
        ]
        parts.setdefault(task, []).append((predictions[0], predictions[1]))
    changes = {
        task: _change(heads[task], *map(torch.cat, zip(*pairs, strict=True)))
        for task, pairs in parts.items()
    }
    return {"embeddings": {"cosine": cosine}, **changes}


def _change(head: TaskHead, ours: Tensor, theirs: Tensor) -> dict[str, float]:
    difference = (ours - theirs).abs()
    change = {"largest": difference.max().item(), "mean": difference.mean().item()}
    if ours.dim() > 1:
        change["same"] = (head.predict(ours) == head.predict(theirs)).float().mean().item()
    return change

"""How far the answers of an export are from those of the model."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import HybridMTLConfig, TaskConfig
from trainer.export.samples import sample_pairs

FIELDS = ("input_ids", "attention_mask", "token_type_ids")
# Rows and lengths that a graph which kept the traced shape would fail on.
LENGTHS = ((3,), (7, 2, 5))
LONGEST = 512

# A task, or None for sentence vectors alone, and what `forward` takes.
Batch = tuple[str | None, dict[str, Tensor]]


def random_batches(config: HybridMTLConfig, tokenizer: PreTrainedTokenizerBase) -> Iterator[Batch]:
    """Random tokens in several shapes, up to the tokenizer's limit, for each task."""
    longest = min(tokenizer.model_max_length, LONGEST)
    for index, lengths in enumerate((*LENGTHS, (longest, 4))):
        first, second = (_random(config, lengths, 2 * index + side) for side in (0, 1))
        yield None, first
        for name in config.tasks:
            yield name, _sides(config.task(name), first, second)


def _random(config: Any, lengths: tuple[int, ...], seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = len(lengths), max(lengths)
    ids = torch.randint(config.backbone_config.vocab_size, shape, generator=generator)
    mask = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).long()
    padding = getattr(config.backbone_config, "pad_token_id", None) or 0
    return {"input_ids": ids.where(mask.bool(), padding), "attention_mask": mask}


def text_batches(config: HybridMTLConfig, tokenizer: PreTrainedTokenizerBase) -> Iterator[Batch]:
    """The shipped sample's texts, for each task."""

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
            yield name, encode(left, right) if cross else _sides(task, first, second)


def _sides(
    task: TaskConfig, first: dict[str, Tensor], second: dict[str, Tensor]
) -> dict[str, Tensor]:
    if not task.is_siamese:
        return first
    return {**first, **{f"pair_{name}": value for name, value in second.items()}}


@torch.no_grad()
def largest_difference(model: Any, other: Any, batches: Iterable[Batch]) -> tuple[float, str]:
    """The largest difference of a logit or a vector's entry, and whose it is.

    It is per unit of the batch's largest value, where that is above 1.
    """
    found = (0.0, "embeddings")
    for task, inputs in batches:
        ours, theirs = model(**inputs, task=task), other(**inputs, task=task)
        found = max(found, (_relative(ours.embeddings, theirs.embeddings), "embeddings"))
        if task is not None:
            logits = [_of_tokens(side.logits, inputs) for side in (ours, theirs)]
            found = max(found, (_relative(*logits), task))
    return found


def _of_tokens(values: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    """Without the rows of padding, where there is a row for each token."""
    return values[inputs["attention_mask"].bool()] if values.dim() == 3 else values


def _relative(ours: Tensor, theirs: Tensor) -> float:
    difference = (ours - theirs).abs().max() / ours.abs().max().clamp(min=1)
    # Comparisons with a NaN are false: it must not pass for small.
    return float(difference.nan_to_num(nan=torch.inf))


@torch.no_grad()
def changed_answers(
    model: Any, other: Any, batches: Iterable[Batch]
) -> dict[str, dict[str, float]]:
    """How the answers on some batches change.

    Returns:
        For each task `largest` and `mean`, of the change of a probability or of a score, and with
        labels `same`, the share of unchanged labels; for `embeddings` the smallest `cosine`.
    """
    parts: dict[str, list[tuple[Tensor, Tensor]]] = {}
    cosine = 1.0
    for task, inputs in batches:
        ours, theirs = model(**inputs, task=task), other(**inputs, task=task)
        if task is None:
            cosines = functional.cosine_similarity(ours.embeddings, theirs.embeddings)
            cosine = min(cosine, cosines.min().item())
            continue
        answers = [
            _of_tokens(side.heads[task].postprocess(found.logits), inputs)
            for side, found in ((model, ours), (other, theirs))
        ]
        parts.setdefault(task, []).append((answers[0], answers[1]))
    found = {
        task: _change(*map(torch.cat, zip(*pairs, strict=True))) for task, pairs in parts.items()
    }
    return {"embeddings": {"cosine": cosine}, **found}


def _change(ours: Tensor, theirs: Tensor) -> dict[str, float]:
    change = (ours - theirs).abs()
    found = {"largest": change.max().item(), "mean": change.mean().item()}
    if ours.dim() > 1:
        found["same"] = (ours.argmax(-1) == theirs.argmax(-1)).float().mean().item()
    return found

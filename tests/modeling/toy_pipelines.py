"""Pipelines of toy models, their inputs, and what they should return."""

from typing import Any

import pytest
import torch
from transformers import pipeline

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.modeling.toy_models import (
    CROSS,
    SIAMESE,
    toy_model,
    toy_tokenizer,
)

TEXTS = [
    "the film was good",
    "dull",
    "Anna plays in Paris, very witty, very very good",
    "a bad play",
    "is Anna playing in Paris",
]


PAIRS = [
    {"text": TEXTS[i], "text_pair": TEXTS[j]} for i, j in [(0, 1), (2, 2), (1, 3), (4, 0), (3, 2)]
]


PAIR_TASKS = (*SIAMESE, *CROSS)


def new_pipeline(model=None, **options: Any) -> HybridMTLPipeline:
    model = model or toy_model()
    return pipeline("hybrid-mtl", model=model, tokenizer=toy_tokenizer(), device="cpu", **options)


def inputs_of(task: str) -> list[Any]:
    return PAIRS if task in PAIR_TASKS else TEXTS


def assert_close(found: Any, expected: Any) -> None:
    """The same structure, and floats that agree but for rounding."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_close(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other)
    else:
        assert found == (pytest.approx(expected, abs=1e-4) if type(found) is float else expected)


@torch.no_grad()
def logits_by_hand(pipe: HybridMTLPipeline, row: Any, task: str) -> torch.Tensor:
    def tokenize(*texts: str):
        return pipe.tokenizer(*texts, truncation=True, return_tensors="pt")

    if isinstance(row, str):
        return pipe.model(**tokenize(row), task=task).logits[0]
    texts = (row["text"], row["text_pair"])
    if task in CROSS:
        return pipe.model(**tokenize(*texts), task=task).logits[0]
    second = {f"pair_{name}": value for name, value in tokenize(texts[1]).items()}
    return pipe.model(**tokenize(texts[0]), **second, task=task).logits[0]

"""Batches of the toy tasks, labels among them, for every regularizer's tests."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from tests.modeling.toy_models import inputs_for, labels_for
from trainer.objective.regularizers import Regularizer


def toy_batch(task: str) -> dict[str, Tensor]:
    """Three rows with labels, as the trainer passes them to `forward`."""
    return {**inputs_for(task), "labels": labels_for(task)}


def with_more_padding(batch: dict[str, Tensor], count: int = 3) -> dict[str, Tensor]:
    fill = {"labels": -100, "input_ids": 1, "pair_input_ids": 1}
    return {
        name: functional.pad(x, (0, count), value=fill.get(name, 0))
        if x.ndim == 2 and x.dtype == torch.long
        else x
        for name, x in batch.items()
    }


def forward_and_term(
    regularizer: Regularizer, model: HybridMTLModel, task: str, batch: dict[str, Any] | None = None
) -> tuple[HybridMTLOutput, Tensor]:
    batch = toy_batch(task) if batch is None else batch
    output = model(**batch, task=task)
    return output, regularizer.term(model, task, batch, output)


def gradients(model: HybridMTLModel) -> dict[str, Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def has_gradient(tensor: Tensor | None) -> bool:
    return tensor is not None and bool(torch.isfinite(tensor).all()) and bool(tensor.any())

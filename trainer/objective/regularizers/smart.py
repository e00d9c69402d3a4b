"""Smoothness-inducing adversarial regularization: SMART, https://arxiv.org/abs/1911.03437."""

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from modeling_hybrid_mtl.attention_hybrid_mtl import to_device
from modeling_hybrid_mtl.texts_hybrid_mtl import stack_rows
from trainer.objective.regularizers.base import Regularizer, without_labels
from trainer.objective.regularizers.divergence import divergence

NORMS = {"inf": math.inf, "l2": 2.0}


class Smart(Regularizer):
    """`weight` times the divergence of predictions under a small change of the embeddings (eq. 2).

    The change is found by projected gradient ascent on the output of the token embeddings
    (Algorithm 1): normal noise, then `steps` steps along the normalized gradient of the divergence,
    each followed by a projection onto the ball. Gradient and ball are per text, over all its
    tokens, also for the two texts of a siamese pair. Padding is not changed.

    The model stays in training mode, and all passes of a term use the same dropout masks. With
    different masks the term would measure dropout rather than smoothness: at the paper's radius,
    masks change the predictions far more than the embeddings do. R-Drop regularizes dropout.

    The defaults are the paper's. With them, the term of a small sentence encoder is about 1e-8;
    with a radius of 1e-2 and a step size of 0.1, about 1e-2. In bfloat16, a change of 1e-5 is lost
    in rounding.

    Args:
        weight: lambda_s, for all tasks or by task.
        step_size: eta, the length of a step in the chosen norm.
        radius: epsilon, the radius of the ball.
        noise: sigma, the standard deviation of the initial noise.
        steps: T, the steps of ascent; each costs one forward and one backward pass.
        norm: `inf` or `l2`, the norm of the gradient and of the ball.
    """

    def __init__(
        self,
        weight: float | Mapping[str, float],
        step_size: float = 1e-3,
        radius: float = 1e-5,
        noise: float = 1e-5,
        steps: int = 1,
        norm: str = "inf",
    ):
        super().__init__(weight)
        self.step_size = step_size
        self.radius = radius
        self.noise = noise
        self.steps = steps
        self.norm = NORMS[norm]

    def weighted_term(
        self,
        weight: float,
        model: HybridMTLModel,
        task: str,
        batch: dict[str, Tensor],
        output: HybridMTLOutput,
    ) -> Tensor:
        delta = initial_noise(model, token_mask(batch), self.noise)
        inputs = without_labels(batch)
        with same_masks_after(delta.device), padded_passes(model):
            clean = model(**inputs, task=task).logits
        delta = self.ascend(model, task, batch, clean.detach(), delta)
        with added_to_embeddings(model, delta):
            perturbed = model(**inputs, task=task).logits
        return weight * divergence(model.config.task(task), perturbed, clean, batch["labels"])

    def ascend(
        self,
        model: HybridMTLModel,
        task: str,
        batch: dict[str, Tensor],
        clean: Tensor,
        delta: Tensor,
    ) -> Tensor:
        """Return the adversarial change of the embeddings, (R, L, E), detached.

        Args:
            model: the model; no gradient of its parameters is computed.
            task: the batch's task.
            batch: the arguments of `model.forward` besides `task`.
            clean: logits of the unchanged batch, without a graph.
            delta: the initial change, from `initial_noise`.
        """
        inputs, mask, config = without_labels(batch), token_mask(batch), model.config.task(task)
        for _ in range(self.steps):
            delta.requires_grad_()
            with same_masks_after(delta.device), added_to_embeddings(model, delta):
                perturbed = model(**inputs, task=task).logits
            # Only the direction matters; the division keeps it in the range of half precision.
            distance = divergence(config, perturbed, clean, batch["labels"]) / self.noise
            (gradient,) = torch.autograd.grad(distance, delta)
            step = self.step_size * mask * normalize(gradient, self.norm)
            delta = project(delta.detach() + step, self.radius, self.norm)
        return delta


def token_mask(batch: Mapping[str, Tensor]) -> Tensor:
    """Return 1.0 for tokens and 0.0 for padding, (R, L, 1), in the encoder's order of rows.

    The R rows are the B texts of a batch; for siamese pairs all first, then all second texts.
    """
    masks = [
        batch.get(f"{side}attention_mask", torch.ones_like(batch[f"{side}input_ids"]))
        for side in ("", "pair_")
        if f"{side}input_ids" in batch
    ]
    mask = to_device(stack_rows(masks, 0), batch["input_ids"].device)
    return mask.unsqueeze(-1).float()


def initial_noise(model: HybridMTLModel, mask: Tensor, deviation: float) -> Tensor:
    """Return normal noise (R, L, E) for embeddings of width E, zero where the mask (R, L, 1) is."""
    width: Any = model.get_input_embeddings().embedding_dim
    return deviation * mask * torch.randn(*mask.shape[:2], width, device=mask.device)


def normalize(gradient: Tensor, norm: float) -> Tensor:
    """Return each row of (R, L, E) divided by its norm; zero rows stay zero."""
    lengths = torch.linalg.vector_norm(gradient, norm, dim=(1, 2), keepdim=True)
    return gradient / lengths.clamp(min=torch.finfo(gradient.dtype).tiny)


def project(delta: Tensor, radius: float, norm: float) -> Tensor:
    """Return the projection of each row of (R, L, E) onto the ball around zero."""
    if norm == math.inf:
        return delta.clamp(-radius, radius)
    lengths = torch.linalg.vector_norm(delta, norm, dim=(1, 2), keepdim=True)
    return delta * (radius / lengths.clamp(min=torch.finfo(delta.dtype).tiny)).clamp(max=1)


@contextmanager
def padded_passes(model: HybridMTLModel) -> Iterator[None]:
    """Disable unpadding in the block, so that each text of a batch has its own row."""
    before, model.unpadding = model.unpadding, False
    try:
        yield
    finally:
        model.unpadding = before


@contextmanager
def added_to_embeddings(model: HybridMTLModel, delta: Tensor) -> Iterator[None]:
    """Add `delta` to the token embeddings of every forward pass in the block."""
    handle = model.get_input_embeddings().register_forward_hook(
        lambda module, inputs, output: output + delta.to(output.dtype)
    )
    try:
        with padded_passes(model):
            yield
    finally:
        handle.remove()


def same_masks_after(device: torch.device) -> AbstractContextManager:
    """Restore the random state after the block, so that later passes draw the same masks."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])

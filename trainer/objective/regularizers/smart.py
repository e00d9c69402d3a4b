"""Smoothness-inducing adversarial regularization: SMART, https://arxiv.org/abs/1911.03437."""

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLOutput
from modeling_hybrid_mtl.attention_hybrid_mtl import to_device
from modeling_hybrid_mtl.task_fields_hybrid_mtl import is_number
from modeling_hybrid_mtl.texts_hybrid_mtl import stack_rows
from trainer.errors import InputError
from trainer.objective.regularizers.base import Regularizer, Weight, without_labels
from trainer.objective.regularizers.divergence import divergence
from trainer.options import check_choice, option
from trainer.registry import REGULARIZERS

NORMS = {"inf": math.inf, "l2": 2.0}


@dataclass
class SmartOptions:
    """Options of SMART."""

    smart_weight: float = option(
        0.0,
        "SMART: weight of the smoothness term, unless set for a task.",
        group="objective",
        card="changed",
    )
    smart_step_size: float = option(
        1e-3, "SMART: step size of gradient ascent.", group="objective", card="changed"
    )
    smart_radius: float = option(
        1e-5,
        "SMART: maximum norm of the change of the embeddings. 1e-5 is the paper's.",
        group="objective",
        card="changed",
    )
    smart_noise: float = option(
        1e-5,
        "SMART: standard deviation of the initial noise.",
        group="objective",
        card="changed",
    )
    smart_steps: int = option(
        1, "SMART: steps of gradient ascent per batch.", group="objective", card="changed"
    )
    smart_norm: str = option(
        "inf",
        "SMART: norm of gradients and of smart_radius, inf or l2.",
        group="objective",
        card="changed",
    )


@REGULARIZERS.register("smart", options=SmartOptions)
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
        config: `smart_step_size` is eta, `smart_radius` epsilon, `smart_noise` sigma and
            `smart_steps` T, each of which costs one forward and one backward pass.

    Raises:
        InputError: naming the option that is invalid.
    """

    citation = "smart"

    def __init__(self, weight: Weight, config: SmartOptions):
        super().__init__(weight)
        for name in ("smart_step_size", "smart_radius", "smart_noise"):
            value = getattr(config, name)
            if not is_number(value) or value <= 0:
                raise InputError(f"{name} = {value!r}: must be a number above 0")
        if type(config.smart_steps) is not int or config.smart_steps < 1:
            raise InputError(
                f"smart_steps = {config.smart_steps!r}: must be a whole number, 1 or more"
            )
        check_choice("smart_norm", config.smart_norm, NORMS)
        self.step_size = config.smart_step_size
        self.radius = config.smart_radius
        self.noise = config.smart_noise
        self.steps = config.smart_steps
        self.norm = NORMS[config.smart_norm]

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

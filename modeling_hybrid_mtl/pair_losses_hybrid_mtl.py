"""Losses over all pairs of a batch whose labels differ: CoSENT and AnglE."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .losses_hybrid_mtl import LOSSES, cosine_of

SCALE = 20.0


@LOSSES.register("cosent", of_batch=True)
def cosent(head: Any, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the CoSENT loss (Su 2022) of the cosines of a batch.

    Args:
        head: provides the range of the scores and that of the cosines.
        logits: scores, (B,).
        labels: (B,).
    """
    return order_loss(cosine_of(head, logits), labels)


@LOSSES.register("angle", reads_vectors=True, of_batch=True)
def angle(head: Any, vectors: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of the angles in complex space of AnglE (arXiv:2309.12871, eq. 3 to 7).

    It has no flat regions where the cosine has them, near 1 and -1.

    Args:
        head: unused.
        vectors: the vectors of each pair, (B, 2, D).
        labels: (B,).
    """
    return order_loss(complex_angles(vectors), labels)


def order_loss(similarities: Tensor, labels: Tensor) -> Tensor:
    """Return log(1 + sum of exp(SCALE * (s_i - s_j)) over all i, j with label_i < label_j).

    A batch of equal labels has a loss of 0.

    Args:
        similarities: s, (B,).
        labels: (B,).
    """
    differences = SCALE * (similarities[:, None] - similarities[None, :])
    in_order = labels[:, None] < labels[None, :]
    terms = differences.masked_fill(~in_order, -torch.inf).flatten()
    return torch.cat([terms.new_zeros(1), terms]).logsumexp(dim=0)


def complex_angles(vectors: Tensor) -> Tensor:
    """Return the sum of real and imaginary parts of z / w in absolute value, (B,), for unit z, w.

    The halves of a vector are its real and imaginary parts.

    Args:
        vectors: z and w, (B, 2, D); a zero is appended if D is odd.
    """
    vectors = functional.normalize(vectors.float(), dim=-1)
    vectors = functional.pad(vectors, (0, vectors.shape[-1] % 2))
    z, w = vectors.unbind(dim=1)
    (a, b), (c, d) = z.chunk(2, dim=-1), w.chunk(2, dim=-1)
    return (a * c + b * d + b * c - a * d).sum(dim=-1).abs()

"""Isolation, averaging and norms of gradients."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainer.objective.sparse_embedding_grads import entries, merge_rows


@contextmanager
def isolated_gradients(parameters: Sequence[nn.Parameter]) -> Iterator[list[Tensor]]:
    """Collect the gradients of the block's backward passes separately from earlier ones.

    Yields a list that is filled after the block, with one gradient per reached parameter. `.grad`
    is then identical to the result of the usual accumulation.
    """
    earlier = [p.grad for p in parameters]
    for p in parameters:
        p.grad = None
    gradients: list[Tensor] = []
    yield gradients
    for p, before in zip(parameters, earlier, strict=True):
        if p.grad is None:
            p.grad = before
            continue
        if p.grad.is_sparse:
            p.grad = merge_rows(p.grad)
        gradients.append(p.grad)
        if before is not None:
            p.grad = before + p.grad


def average_over_ranks(gradients: Sequence[Tensor]) -> None:
    """Replace each tensor by its mean over all processes, in place, in one collective call.

    All processes must pass gradients of the same parameters.
    """
    if not gradients:
        return
    flat = torch.cat([g.reshape(-1) for g in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm over all tensors, a scalar on their device."""
    values = [entries(gradient) for gradient in gradients]
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values)))

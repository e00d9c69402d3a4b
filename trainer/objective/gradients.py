"""Each task's gradient, looked at apart from the others'."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainer.objective.sparse_embedding_grads import entries, merge_rows


@contextmanager
def gradient_apart(parameters: Sequence[nn.Parameter]) -> Iterator[list[Tensor]]:
    """Collect what is back-propagated inside the block apart from earlier gradients.

    Yields a list that after the block holds the new gradients, one per parameter that got one.
    `.grad` ends up as if the block had accumulated as usual, to the last bit.
    """
    earlier = [p.grad for p in parameters]
    for p in parameters:
        p.grad = None
    own: list[Tensor] = []
    yield own
    for p, before in zip(parameters, earlier, strict=True):
        if p.grad is None:
            p.grad = before
            continue
        if p.grad.is_sparse:
            p.grad = merge_rows(p.grad)
        own.append(p.grad)
        if before is not None:
            p.grad = before + p.grad


def average_over_ranks(gradients: Sequence[Tensor]) -> None:
    """Replace each tensor by its mean over all processes, in place, in one collective call.

    Every process must pass tensors of the same parameters, as it does when all train the same
    tasks.
    """
    if not gradients:
        return
    flat = torch.cat([g.reshape(-1) for g in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for own, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        own.copy_(mean.view_as(own))


def norm(gradients: Sequence[Tensor]) -> Tensor:
    """Euclidean norm over all entries of all tensors, a scalar on their device."""
    found = [entries(gradient) for gradient in gradients]
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(found)))

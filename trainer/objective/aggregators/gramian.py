"""Inner products and cosines of tasks' gradients."""

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor

CHUNK_SIZE = 1 << 24  # entries per product on an accelerator


def gramian(gradients: Sequence[Sequence[Tensor]]) -> Tensor:
    """Return the inner products of the tasks' gradients over all parameters.

    Args:
        gradients: K lists, each with one tensor per shared parameter, at least one.

    Returns:
        (K, K), symmetric, in float32 (float64 if the gradients are), on their device.
    """
    pairs = list(combinations_with_replacement(range(len(gradients)), 2))
    products = []
    # On a CPU one parameter at a time: no copies, and small gradients stay in the cache. On an
    # accelerator, where each product is a kernel launch, parameters are concatenated.
    size = 1 if gradients[0][0].device.type == "cpu" else CHUNK_SIZE
    for flat in chunks(gradients, size):
        products.append(torch.stack([torch.dot(flat[i], flat[j]) for i, j in pairs]))
    sums = torch.stack(products).sum(0)
    rows, columns = torch.triu_indices(len(gradients), len(gradients), device=sums.device)
    result = sums.new_empty(len(gradients), len(gradients))
    result[rows, columns] = sums
    result[columns, rows] = sums
    return result


def chunks(gradients: Sequence[Sequence[Tensor]], entries: int) -> Iterator[list[Tensor]]:
    """Yield chunks of the tasks' gradients, each K flat tensors in float32 or float64.

    Args:
        gradients: the argument of `gramian`.
        entries: minimum size of a chunk, which consists of complete parameters.
    """
    start = size = 0
    for stop, tensor in enumerate(gradients[0], start=1):
        size += tensor.numel()
        if size < entries and stop < len(gradients[0]):
            continue
        wide = torch.promote_types(tensor.dtype, torch.float32)
        parts = [[g.reshape(-1).to(wide) for g in grads[start:stop]] for grads in gradients]
        yield [part[0] if len(part) == 1 else torch.cat(part) for part in parts]
        start, size = stop, 0


def cosines(gramian: Tensor) -> Tensor:
    """Return the cosines of gradients with Gramians (..., K, K), 0 for zero gradients."""
    norms = gramian.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    scales = torch.where(norms > 0, 1 / norms, 0.0)
    return (gramian * scales.unsqueeze(-2) * scales.unsqueeze(-1)).clamp(-1, 1)

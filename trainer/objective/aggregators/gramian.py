"""Inner products and cosines of tasks' gradients."""

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor

PIECE = 1 << 24  # entries that are multiplied at a time on an accelerator


def gramian(gradients: Sequence[Sequence[Tensor]]) -> Tensor:
    """Inner products of the tasks' gradients over all parameters.

    Args:
        gradients: K lists, each with one tensor per shared parameter, at least one.

    Returns:
        (K, K), symmetric, in float32 (float64 if the gradients are), on their device.
    """
    pairs = list(combinations_with_replacement(range(len(gradients)), 2))
    products = []
    # On a CPU parameter by parameter: no copy of a gradient, and small ones stay in the cache.
    # Elsewhere every product is a launch, so many parameters are copied into one piece.
    size = 1 if gradients[0][0].device.type == "cpu" else PIECE
    for flat in pieces(gradients, size):
        products.append(torch.stack([torch.dot(flat[i], flat[j]) for i, j in pairs]))
    sums = torch.stack(products).sum(0)
    rows, columns = torch.triu_indices(len(gradients), len(gradients), device=sums.device)
    result = sums.new_empty(len(gradients), len(gradients))
    result[rows, columns] = sums
    result[columns, rows] = sums
    return result


def pieces(gradients: Sequence[Sequence[Tensor]], entries: int) -> Iterator[list[Tensor]]:
    """Yield the tasks' gradients piece by piece, each K flat tensors in float32 or float64.

    Args:
        gradients: as `gramian` takes them.
        entries: a piece is of as many whole parameters as it takes to have so many.
    """
    start = size = 0
    for stop, tensor in enumerate(gradients[0], start=1):
        size += tensor.numel()
        if size < entries and stop < len(gradients[0]):
            continue
        wide = torch.promote_types(tensor.dtype, torch.float32)
        parts = [[g.reshape(-1).to(wide) for g in own[start:stop]] for own in gradients]
        yield [part[0] if len(part) == 1 else torch.cat(part) for part in parts]
        start, size = stop, 0


def cosines(gramian: Tensor) -> Tensor:
    """Cosines of the angles between gradients with these inner products.

    Args:
        gramian: (K, K).

    Returns:
        (K, K), from -1 to 1; 0 in the row and column of a gradient that is zero.
    """
    norms = gramian.diagonal().clamp(min=0).sqrt()
    scales = torch.where(norms > 0, 1 / norms, 0.0)
    return (gramian * scales * scales.unsqueeze(1)).clamp(-1, 1)

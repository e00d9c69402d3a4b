"""Inner products and cosines of tasks' gradients."""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor


def gramian(gradients: Sequence[Sequence[Tensor]]) -> Tensor:
    """Inner products of the tasks' gradients over all parameters.

    Args:
        gradients: K lists, each with one tensor per shared parameter, at least one.

    Returns:
        (K, K), symmetric, in float32 (float64 if the gradients are), on their device.
    """
    pairs = list(combinations_with_replacement(range(len(gradients)), 2))
    products = []
    # Parameter by parameter: no copy of a whole gradient, and the small ones stay in the cache.
    for tensors in zip(*gradients, strict=True):
        wide = torch.promote_types(tensors[0].dtype, torch.float32)
        flat = [tensor.reshape(-1).to(wide) for tensor in tensors]
        products.append(torch.stack([torch.dot(flat[i], flat[j]) for i, j in pairs]))
    sums = torch.stack(products).sum(0)
    rows, columns = torch.triu_indices(len(gradients), len(gradients), device=sums.device)
    result = sums.new_empty(len(gradients), len(gradients))
    result[rows, columns] = sums
    result[columns, rows] = sums
    return result


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

"""The most similar pairs of a corpus, by the cosines of sentence vectors."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

Pair = tuple[float, int, int]


def most_similar_pairs(vectors: Tensor, count: int, block: int = 1024) -> list[Pair]:
    """Return the pairs with the highest cosines.

    Args:
        vectors: sentence vectors, (N, H).
        count: the maximum number of pairs.
        block: rows and columns of the cosine matrix in memory at once.

    Returns:
        `(cosine, i, j)` with i < j, the highest cosine first, then by i and j.
    """
    unit = normalize(vectors.float())
    cosines, indices = torch.empty(0), torch.empty(0, dtype=torch.long)
    rows = len(unit)
    for top in range(0, rows, block):
        for left in range(top, rows, block):
            products = unit[top : top + block] @ unit[left : left + block].T
            i = torch.arange(top, top + products.shape[0])[:, None]
            j = torch.arange(left, left + products.shape[1])
            above = i < j
            cosines = torch.cat([cosines, products[above]])
            indices = torch.cat([indices, (i * rows + j)[above]])
            cosines, kept = cosines.topk(min(count, len(cosines)))
            indices = indices[kept]
    pairs = zip(cosines.clamp(-1, 1).tolist(), indices.tolist(), strict=True)
    return sorted(
        ((cosine, index // rows, index % rows) for cosine, index in pairs),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )

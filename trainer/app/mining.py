"""The most similar pairs of a corpus, by the cosines of sentence vectors."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

Pair = tuple[float, int, int]


def most_similar_pairs(vectors: Tensor, count: int, block: int = 1024) -> list[Pair]:
    """The pairs with the highest cosines, block by block.

    Args:
        vectors: (N, H).
        count: how many pairs at most.
        block: rows and columns of the cosines that are in memory at once.

    Returns:
        `(cosine, i, j)` with i < j, the highest cosine first, then by i and j.
    """
    unit = normalize(vectors.float())
    cosines, places = torch.empty(0), torch.empty(0, dtype=torch.long)
    rows = len(unit)
    for top in range(0, rows, block):
        for left in range(top, rows, block):
            found = unit[top : top + block] @ unit[left : left + block].T
            i = torch.arange(top, top + found.shape[0])[:, None]
            j = torch.arange(left, left + found.shape[1])
            above = i < j
            cosines = torch.cat([cosines, found[above]])
            places = torch.cat([places, (i * rows + j)[above]])
            cosines, kept = cosines.topk(min(count, len(cosines)))
            places = places[kept]
    pairs = zip(cosines.clamp(-1, 1).tolist(), places.tolist(), strict=True)
    return sorted(
        ((cosine, place // rows, place % rows) for cosine, place in pairs),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )

"""Ranks of the matching candidates among all candidates of a ranking task's rows."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling_hybrid_mtl.ranking_hybrid_mtl import FIRST, MATCH, SECOND

_SCORES_PER_BLOCK = 4_000_000

# Metric -> its value for each rank, from 1.
RANK_VALUES: dict[str, Callable[[NDArray], NDArray]] = {
    "mrr_at_10": lambda ranks: np.where(ranks <= 10, 1 / ranks, 0.0),
    "recall_at_1": lambda ranks: (ranks <= 1).astype(float),
    "recall_at_10": lambda ranks: (ranks <= 10).astype(float),
}


def match_ranks(vectors: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Return the rank of the candidate of each row that matches, (M,), from 1.

    The candidates are the different second texts of all rows, by the cosine of their vectors to
    that of the query. Other candidates that match the query, and the query itself, do not count.
    Candidates with equal scores share their mean rank.

    Args:
        vectors: of both texts, (N, 2, D).
        labels: hashes of both texts and whether they match, (N, 3).

    Raises:
        ValueError: if the shapes differ, or no row matches.
    """
    pairs, keys = np.asarray(vectors, dtype=np.float32), np.asarray(labels)
    if pairs.ndim != 3 or pairs.shape[1] != 2 or keys.shape != (len(pairs), 3):
        raise ValueError(
            "Predictions and labels of ranking must be vectors (N, 2, D) and hashes with the "
            f"match, (N, 3); got shapes {pairs.shape} and {keys.shape}."
        )
    matching = np.flatnonzero(keys[:, MATCH] == 1)
    if not len(matching):
        raise ValueError("Ranking is measured on rows whose texts match; there is none.")
    pairs = pairs / np.maximum(np.linalg.norm(pairs, axis=-1, keepdims=True), 1e-12)
    texts, first_rows, candidate_of = np.unique(
        keys[:, SECOND], return_index=True, return_inverse=True
    )
    candidates = pairs[first_rows, 1]
    not_counted = _not_counted(keys, matching, texts, candidate_of)
    ranks = np.empty(len(matching))
    for block in _blocks(len(matching), len(candidates)):
        rows = matching[block]
        scores = pairs[rows, 0] @ candidates.T
        own = scores[np.arange(len(rows)), candidate_of[rows]]
        for score, row in zip(scores, rows, strict=True):
            score[not_counted[keys[row, FIRST]]] = -np.inf
        higher, equal = ((f(scores, own[:, None])).sum(axis=1) for f in (np.greater, np.equal))
        ranks[block] = 1 + higher + equal / 2
    return ranks


def _not_counted(
    keys: NDArray, matching: NDArray, texts: NDArray, candidate_of: NDArray
) -> dict[Any, list[int]]:
    """Return query -> the candidates that are no negatives: its matches, and the query itself."""
    found: dict[Any, list[int]] = {}
    for row in matching:
        found.setdefault(keys[row, FIRST], []).append(int(candidate_of[row]))
    for query, matches in found.items():
        place = int(np.searchsorted(texts, query))
        if place < len(texts) and texts[place] == query:
            matches.append(place)
    return found


def _blocks(rows: int, width: int) -> Iterator[slice]:
    size = max(1, _SCORES_PER_BLOCK // width)
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def paired_matches(
    vectors: ArrayLike, labels: ArrayLike, _: Any = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], None]:
    """Return the ranks of `match_ranks`, (M,), the best possible ones, (M,), and None."""
    ranks = match_ranks(vectors, labels)
    return ranks, np.ones(len(ranks)), None

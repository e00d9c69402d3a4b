"""Ranking of candidate texts for a query, learned from pairs of texts that belong together."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn import functional

from .heads_hybrid_mtl import CosineHead
from .losses_hybrid_mtl import LOSSES
from .normalization_hybrid_mtl import sum_over_processes
from .pair_memory_hybrid_mtl import NO_ROW, PairMemory
from .registry_hybrid_mtl import HEADS
from .task_config_hybrid_mtl import TaskConfig
from .task_fields_hybrid_mtl import Refuse

COSINES = [-1.0, 1.0]
# Columns of the labels (B, 3): hashes of the first and the second text, and whether they match.
FIRST, SECOND, MATCH = range(3)


@dataclass
class RankingOptions:
    """Options of a ranking head.

    Attributes:
        scale: factor of the cosines in the softmax, an inverse temperature.
        symmetric: also rank the first texts for each second text.
        negatives: the number of rows of earlier steps whose texts are further negatives.
    """

    scale: float = 20.0
    symmetric: bool = False
    negatives: int = 0

    def __post_init__(self):
        if not self.scale > 0:
            raise ValueError(f"scale = {self.scale}: must be a positive number")
        if self.negatives < 0:
            raise ValueError(f"negatives = {self.negatives}: must be 0 or a positive number")


@HEADS.register("ranking", options=RankingOptions)
class RankingHead(CosineHead):
    """The cosine of a query (the first text) and a candidate (the second).

    A label is 1 if the texts match and 0 if not; without labels, all rows match.
    """

    label_type = "match"
    needs_labels = False
    losses = ("multiple_negatives",)
    metrics = ("mrr_at_10", "recall_at_1", "recall_at_10")

    def __init__(self, hidden_size: int, task: TaskConfig):
        super().__init__(hidden_size, task)
        if self.options.negatives:
            self.memory = PairMemory(self.options.negatives)

    @classmethod
    def complete(cls, task: TaskConfig) -> None:
        super().complete(task)
        if task.score_range is None:
            task.score_range = list(COSINES)

    @classmethod
    def check(cls, task: TaskConfig, refuse: Refuse) -> None:
        super().check(task, refuse)
        if task.score_range != COSINES:
            refuse("score_range", "the scores of ranking are cosines, from -1 to 1; unset it")
        if task.pooling != "shared":
            refuse("pooling", "ranking requires the sentence vectors of the shared pooling")

    def measured_outputs(self, output: Any) -> Tensor:
        """Return the vectors that are compared, (B, 2, D)."""
        return self.vectors(*output.embeddings.unbind(dim=1)).float()


@LOSSES.register("multiple_negatives", reads_vectors=True, of_batch=True)
def multiple_negatives(head: Any, vectors: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of the matching candidate among those of all rows of a batch.

    This is the loss of Henderson et al. (arXiv:1705.00652) and InfoNCE (arXiv:1807.03748), averaged
    over the rows that match. In training, the candidates are those of the batch in all processes
    and of earlier steps (XBM, arXiv:1912.06798), which have no gradients.

    Args:
        head: provides the options and the rows of earlier steps.
        vectors: of queries and candidates, (B, 2, D); B must be equal in all processes.
        labels: hashes of both texts and whether they match, (B, 3).
    """
    vectors = functional.normalize(vectors.float(), dim=-1)
    own = torch.arange(len(vectors), device=vectors.device)
    rows, row_labels = vectors, labels
    if head.training:
        own, rows, row_labels = over_processes(vectors, labels)
    processes = len(rows) // max(len(vectors), 1)
    matches = (row_labels[:, MATCH] == 1).sum().clamp(min=1)
    if head.training and head.memory is not None:
        batch, earlier = (rows, row_labels), head.memory.rows()
        if earlier is not None:
            rows, row_labels = map(torch.cat, zip(batch, earlier, strict=True))
        head.memory.record(batch[0].detach(), batch[1])  # changes `earlier`
    losses = _losses(vectors, labels, rows, row_labels, own, head.options.scale)
    if head.options.symmetric:
        swapped = vectors.flip(1), _swapped(labels), rows.flip(1), _swapped(row_labels)
        losses = (losses + _losses(*swapped, own, head.options.scale)) / 2
    # The mean over processes is that over the matching rows of all of them.
    return losses.where(labels[:, MATCH] == 1, 0).sum() * processes / matches


def _swapped(labels: Tensor) -> Tensor:
    first, second, match = labels.unbind(dim=1)
    return torch.stack([second, first, match], dim=1)


def _losses(
    vectors: Tensor, labels: Tensor, rows: Tensor, row_labels: Tensor, own: Tensor, scale: float
) -> Tensor:
    """Return the cross-entropy of the own candidate of each row, (B,).

    Args:
        vectors: (B, 2, D).
        labels: (B, 3).
        rows: of all rows, (M, 2, D).
        row_labels: (M, 3).
        own: the index of each row among all rows, (B,).
        scale: factor of the cosines.
    """
    scores = scale * vectors[:, 0] @ rows[:, 1].T
    queries, candidates = labels[:, FIRST, None], labels[:, SECOND, None]
    is_same_query = (queries == row_labels[:, FIRST]) & (row_labels[:, MATCH] == 1)
    # No negatives: copies of the own candidate, other matches of the query, and the query itself.
    excluded = (candidates == row_labels[:, SECOND]) | (queries == row_labels[:, SECOND])
    excluded = excluded | is_same_query | (row_labels[:, MATCH] == NO_ROW)
    excluded = excluded.scatter(1, own[:, None], False)
    scores = scores.masked_fill(excluded, -torch.inf)
    return functional.cross_entropy(scores, own, reduction="none")


def over_processes(vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of all processes, with gradients, in the order of the common batch.

    Process r of n has the rows r, r + n, r + 2n, ... of the common batch.

    Args:
        vectors: (B, 2, D).
        labels: (B, 3).

    Returns:
        The index of the own rows among all rows, (B,), vectors (nB, 2, D) and labels (nB, 3).
    """
    rank, count = 0, 1
    if distributed.is_available() and distributed.is_initialized():
        rank, count = distributed.get_rank(), distributed.get_world_size()
    own = torch.arange(rank, len(vectors) * count, count, device=vectors.device)

    def gather(values: Tensor) -> Tensor:
        empty = values.new_zeros(len(values) * count, *values.shape[1:])
        return sum_over_processes(empty.index_copy(0, own, values))

    return own, gather(vectors), gather(labels)

"""Statistics of batch normalization and memories of pairs: updated once per optimizer step."""

from contextlib import AbstractContextManager
from typing import Any

from torch import nn

from modeling_hybrid_mtl.normalization_hybrid_mtl import batch_norms, unrecorded
from modeling_hybrid_mtl.pair_memory_hybrid_mtl import pair_memories


class StepStatistics:
    """Updates the statistics of batch normalization and the memories of pairs of a model in a run.

    The statistics do not depend on how a step's rows are divided into batches, and a step that is
    skipped changes neither. The memories are empty at first.

    Args:
        model: the model to train, until `release`.

    Attributes:
        memories: task -> the memory of its head.
    """

    def __init__(self, model: nn.Module):
        self.memories = pair_memories(model)
        self._parts: list[Any] = [*batch_norms(model), *self.memories.values()]
        for part in self._parts:
            part.updates = "step"
        for memory in self.memories.values():
            memory.clear()

    def paused(self) -> AbstractContextManager[None]:
        """Exclude the passes of the block, such as those of a regularizer."""
        return unrecorded(self._parts)

    def finish(self, *, skipped: bool) -> None:
        """Update them after the last batch of a step, unless it is skipped."""
        for part in self._parts:
            if skipped:
                part.drop()
            else:
                part.update()

    def release(self) -> None:
        """Update them after each batch again."""
        for part in self._parts:
            part.drop()
            part.updates = "batch"

"""Updates of batch normalization: once per optimizer step, from the rows of all its batches."""

from contextlib import AbstractContextManager

from torch import nn

from modeling_hybrid_mtl.normalization_hybrid_mtl import batch_norms, unrecorded


class StepStatistics:
    """Updates the running statistics of a model's batch normalization in a run.

    They do not depend on how a step's rows are divided into batches, and a step that is skipped
    does not change them.

    Args:
        model: the model to train, until `release`.
    """

    def __init__(self, model: nn.Module):
        self._norms = batch_norms(model)
        for norm in self._norms:
            norm.updates = "step"

    def paused(self) -> AbstractContextManager[None]:
        """Exclude the passes of the block, such as those of a regularizer."""
        return unrecorded(self._norms)

    def finish(self, *, skipped: bool) -> None:
        """Update the running statistics after the last batch of a step, unless it is skipped."""
        for norm in self._norms:
            if skipped:
                norm.drop()
            else:
                norm.update()

    def release(self) -> None:
        """Update the running statistics after each batch again."""
        for norm in self._norms:
            norm.drop()
            norm.updates = "batch"

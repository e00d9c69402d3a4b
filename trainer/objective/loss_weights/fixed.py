"""Loss weights that do not change during a run."""

from collections.abc import Mapping

from modeling_hybrid_mtl import TaskConfig
from trainer.registry import LOSS_WEIGHTS


@LOSS_WEIGHTS.register("fixed")
def fixed(tasks: Mapping[str, TaskConfig]) -> None:
    """Return None: the only weights are the tasks' `loss_weight`, which their heads apply."""

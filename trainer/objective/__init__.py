"""From a plan's batches to one gradient."""

from trainer.objective.gradients import gradient_apart, norm

__all__ = ["gradient_apart", "norm"]

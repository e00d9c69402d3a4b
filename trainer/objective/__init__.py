"""From a plan's batches to one gradient."""

from trainer.objective.collect import TaskGradients
from trainer.objective.gradients import average_over_ranks, gradient_apart, norm

__all__ = ["TaskGradients", "average_over_ranks", "gradient_apart", "norm"]

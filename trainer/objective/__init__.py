"""From a plan's batches to one gradient."""

from trainer.objective.gradients import average_over_ranks, gradient_apart, norm
from trainer.objective.shared import SharedGradients

__all__ = ["SharedGradients", "average_over_ranks", "gradient_apart", "norm"]

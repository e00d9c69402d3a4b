"""From a step's batches to one gradient."""

from trainer.objective.shared_gradients import SharedGradients
from trainer.objective.step import StepGradients

__all__ = ["SharedGradients", "StepGradients"]

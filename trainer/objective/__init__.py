"""The objective: losses, regularizers, and the aggregation of the tasks' gradients."""

from trainer.objective.shared_gradients import SharedGradients
from trainer.objective.step import StepGradients

__all__ = ["SharedGradients", "StepGradients"]

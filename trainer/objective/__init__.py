"""From a plan's batches to one gradient."""

from trainer.objective.shared import SharedGradients
from trainer.objective.step import StepGradients

__all__ = ["SharedGradients", "StepGradients"]

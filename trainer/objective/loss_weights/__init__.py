"""Weights of the tasks' losses that change during a run."""

# isort: off
# Imported to register their weights, in the order in which the help lists them.
from trainer.objective.loss_weights import fixed, uncertainty, gradnorm, famo, dwa  # noqa: F401

# isort: on
from trainer.objective.loss_weights.base import LossBalancer, LossWeights, StepMeasurements
from trainer.objective.loss_weights.options import LossWeightOptions
from trainer.registry import LOSS_WEIGHTS

__all__ = ["LOSS_WEIGHTS", "LossBalancer", "LossWeightOptions", "LossWeights", "StepMeasurements"]

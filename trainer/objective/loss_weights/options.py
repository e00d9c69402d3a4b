"""The options of all loss weights."""

from dataclasses import dataclass

from trainer.objective.loss_weights.dwa import DwaOptions
from trainer.objective.loss_weights.famo import FamoOptions
from trainer.objective.loss_weights.gradnorm import GradNormOptions


@dataclass
class LossWeightOptions(DwaOptions, FamoOptions, GradNormOptions):
    """Options of all loss weights."""

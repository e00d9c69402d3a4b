"""Regularizers of a task's loss: SMART, Bregman proximal points and R-Drop."""

# isort: off
# Registered in the order in which their terms are added to the loss.
from trainer.objective.regularizers.smart import Smart
from trainer.objective.regularizers.bregman import Bregman
from trainer.objective.regularizers.rdrop import RDrop

# isort: on
from trainer.objective.regularizers.after_step import AfterStep
from trainer.objective.regularizers.base import Regularizer
from trainer.objective.regularizers.divergence import divergence, squared_error, symmetric_kl
from trainer.objective.regularizers.options import (
    RegularizerOptions,
    make_regularizers,
    weight_option,
)
from trainer.registry import REGULARIZERS

__all__ = [
    "REGULARIZERS",
    "AfterStep",
    "Bregman",
    "RDrop",
    "Regularizer",
    "RegularizerOptions",
    "Smart",
    "divergence",
    "make_regularizers",
    "squared_error",
    "symmetric_kl",
    "weight_option",
]

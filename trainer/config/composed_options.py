"""The options of every package and of transformers, in one class."""

from dataclasses import dataclass

from transformers import TrainingArguments

from trainer.config.extension_options import ExtensionOptions
from trainer.config.freezing_options import TrainedPartsOptions
from trainer.data.sampling import SamplingOptions
from trainer.objective.options import ObjectiveOptions
from trainer.optimization import OptimizationOptions


@dataclass
class ComposedOptions(
    SamplingOptions,
    ObjectiveOptions,
    OptimizationOptions,
    TrainedPartsOptions,
    ExtensionOptions,
    TrainingArguments,
):
    """All options together, unchecked, so that combinations of them can be checked."""

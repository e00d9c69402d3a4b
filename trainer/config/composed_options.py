"""The options of every wing beside those of transformers, in one class."""

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
    """All options together, for checks of them beside each other; not checked itself."""

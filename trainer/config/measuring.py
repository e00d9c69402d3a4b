"""The arguments of a trainer that only measures."""

import copy
from collections.abc import Collection
from dataclasses import fields

from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data.sampling import PlanOptions
from trainer.objective.regularizers import RegularizerOptions

# What only training reads: it may need tasks that a model was saved without.
_OF_TRAINING = {
    "rule",
    "main_tasks",
    "auxiliary_tasks",
    "auxiliary_scale",
    "gradient_cosines",
    "extension_options",
    *(f.name for part in (PlanOptions, RegularizerOptions) for f in fields(part)),
}


def arguments_to_measure(
    args: HybridMTLTrainingArguments, tasks: Collection[str]
) -> HybridMTLTrainingArguments:
    """A copy of the arguments of a training run that speaks of a model's own tasks only.

    Args:
        args: the run's.
        tasks: the model's.
    """
    own = copy.copy(args)
    for f in fields(args):
        if f.name in _OF_TRAINING:
            setattr(own, f.name, f.default)
    entries = args.task_args or {}
    assert isinstance(entries, dict)  # since __post_init__
    own.push_to_hub = False  # there is nothing new to publish
    own.task_args = {name: entry for name, entry in entries.items() if name in tasks}
    return own

"""The callback that updates regularizers after an optimizer step."""

from collections.abc import Sequence

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer.objective.regularizers.base import Regularizer


class AfterStep(TrainerCallback):
    """Calls `after_step` of each regularizer after every optimizer step."""

    def __init__(self, regularizers: Sequence[Regularizer]):
        self.regularizers = regularizers

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs
    ) -> None:
        for regularizer in self.regularizers:
            regularizer.after_step(kwargs["model"])

"""Early stopping that continues when a run is resumed."""

from collections.abc import Mapping
from typing import Any

from transformers import EarlyStoppingCallback, TrainerControl, TrainerState, TrainingArguments


class EarlyStopping(EarlyStoppingCallback):
    """`EarlyStoppingCallback` whose count of evaluations without improvement is saved.

    transformers restores it on request only; without it a resumed run would stop later.
    """

    def state_dict(self) -> dict[str, int]:
        """Return the count for a checkpoint."""
        return {"count": self.early_stopping_patience_counter}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue from the count of a checkpoint."""
        self.early_stopping_patience_counter = state.get("count", 0)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float],
        **kwargs: Any,
    ) -> None:
        """Stop after too many evaluations without improvement, and print that."""
        super().on_evaluate(args, state, control, metrics, **kwargs)
        if self._has_stopped() and state.is_world_process_zero:
            print(
                f"early stopping after step {state.global_step}: {args.metric_for_best_model} did "
                f"not improve in {self.early_stopping_patience} evaluations",
                flush=True,
            )

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop a resumed run that had stopped early before its last files were written."""
        control.should_training_stop |= self._has_stopped()

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Prevent the evaluation of the one step of such a run."""
        if self._has_stopped():
            control.should_evaluate = control.should_save = False

    def _has_stopped(self) -> bool:
        return self.early_stopping_patience_counter >= self.early_stopping_patience

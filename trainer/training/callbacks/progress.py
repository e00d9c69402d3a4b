"""The progress bar, with cycles and the running loss of each task."""

from typing import Any

from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ProgressCallback


class TaskProgress(ProgressCallback):
    """A progress bar with the number of cycles and each task's latest mean loss.

    Args:
        cycles: cycles per epoch.
        scheduled: steps of the schedule per epoch.
        accumulated: steps of the schedule per optimizer step; the last of an epoch may have fewer.
    """

    def __init__(self, cycles: int, scheduled: int, accumulated: int = 1):
        super().__init__()
        self.cycles = cycles
        self.scheduled = scheduled
        self.accumulated = accumulated
        self.losses: dict[str, str] = {}

    def cycles_after(self, steps: int) -> int:
        """Return the number of cycles that are complete after a number of optimizer steps."""
        epochs, rest = divmod(steps, -(-self.scheduled // self.accumulated))
        return epochs * self.cycles + rest * self.accumulated * self.cycles // self.scheduled

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        if self.training_bar is not None:
            done, last = map(self.cycles_after, (state.global_step, state.max_steps))
            self.training_bar.set_description(f"cycle {done}/{last}", refresh=False)
        super().on_step_end(args, state, control, **kwargs)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().on_log(args, state, control, logs=logs, **kwargs)
        prefix = "loss/"
        # A task without a batch since the last log keeps its loss.
        self.losses.update(
            {
                name.removeprefix(prefix): f"{value:.3f}"
                for name, value in (logs or {}).items()
                if name.startswith(prefix)
            }
        )
        if self.losses and self.training_bar is not None:
            self.training_bar.set_postfix(self.losses)

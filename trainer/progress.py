"""The progress bar: where the run is, and each task's running loss."""

from typing import Any

from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ProgressCallback


class TaskProgress(ProgressCallback):
    """The trainer's progress bar, counting cycles and showing each task's latest mean loss.

    Args:
        steps_per_cycle: optimizer steps that one cycle takes, below 1 when gradients accumulate.
        cycles: cycles of the whole run.
    """

    def __init__(self, steps_per_cycle: float, cycles: int):
        super().__init__()
        self.steps_per_cycle = steps_per_cycle
        self.cycles = cycles

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        if self.training_bar is not None:
            cycle = int(state.global_step / self.steps_per_cycle)
            self.training_bar.set_description(f"cycle {cycle}/{self.cycles}", refresh=False)
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
        prefix = "loss_"
        losses = {
            k.removeprefix(prefix): v for k, v in (logs or {}).items() if k.startswith(prefix)
        }
        if losses and self.training_bar is not None:
            self.training_bar.set_postfix({name: f"{loss:.3f}" for name, loss in losses.items()})

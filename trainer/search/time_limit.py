"""A limit of the time of training."""

import time
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer.training.callbacks.session_recorder import SessionRecorder


@dataclass
class TimeLimit(TrainerCallback):
    """Ends training after a time; the run is finished as if this had been its last step.

    Attributes:
        minutes: the limit of the time in all sessions of the run.
    """

    minutes: float
    _end: float = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        saved: Any = state.stateful_callbacks.get(SessionRecorder.__name__)
        sessions = saved["attributes"]["earlier"] if saved and state.global_step else []
        spent = sum(session["seconds"] for session in sessions)
        self._end = time.monotonic() + 60 * self.minutes - spent

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if time.monotonic() > self._end:
            control.should_training_stop = True

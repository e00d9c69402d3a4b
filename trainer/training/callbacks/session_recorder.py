"""Recording of training sessions in the trainer's state."""

import time
from dataclasses import asdict
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from trainer.saving.sessions import Session, new_session


class SessionRecorder(TrainerCallback, ExportableState):
    """Records the sessions of a trainer in its checkpoints.

    Attributes:
        earlier: the sessions before the current one, as mappings.
    """

    def __init__(self) -> None:
        self.earlier: list[dict[str, Any]] = []
        self._current: Session | None = None
        self._start = 0.0

    @property
    def sessions(self) -> list[Session]:
        """Return all sessions so far, including the current one."""
        past = [Session(**entry) for entry in self.earlier]
        return past if self._current is None else [*past, self._current]

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Restore the sessions of the checkpoint, if any, and start a new one."""
        name = type(self).__name__
        saved: Any = state.stateful_callbacks.get(name) if state.global_step else None
        self.earlier = saved["attributes"]["earlier"] if saved else []
        self._current = new_session(args, state.global_step)
        self._start = time.monotonic()
        # The trainer cannot save callbacks that are missing in the checkpoint.
        state.stateful_callbacks.setdefault(name, self.state())

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Count the step."""
        self._update(state.global_step)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Update the time, including a final evaluation."""
        self._update(state.global_step)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        if self._current is not None:
            self._update(self._current.last_step)
        return {"args": {}, "attributes": {"earlier": [asdict(entry) for entry in self.sessions]}}

    def _update(self, step: int) -> None:
        if self._current is not None:
            self._current.last_step = step
            self._current.seconds = time.monotonic() - self._start

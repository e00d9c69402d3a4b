"""Record each stretch of training in the trainer's state."""

import time
from dataclasses import asdict
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from trainer.saving.sessions import Session, new_session


class SessionRecorder(TrainerCallback, ExportableState):
    """Records the sessions of a trainer; every checkpoint holds those up to it.

    Attributes:
        earlier: the sessions before the current one, as mappings.
    """

    def __init__(self) -> None:
        self.earlier: list[dict[str, Any]] = []
        self._current: Session | None = None
        self._began = 0.0

    @property
    def sessions(self) -> list[Session]:
        """All sessions of the training so far, the current one included."""
        past = [Session(**entry) for entry in self.earlier]
        return past if self._current is None else [*past, self._current]

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Take over what the checkpoint knows that training goes on from, if it does."""
        name = type(self).__name__
        found: Any = state.stateful_callbacks.get(name) if state.global_step else None
        self.earlier = found["attributes"]["earlier"] if found else []
        self._current = new_session(args, state.global_step)
        self._began = time.monotonic()
        # The trainer fails to save what a checkpoint of an older version did not have.
        state.stateful_callbacks.setdefault(name, self.state())

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Count the step."""
        self._update(state.global_step)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        """Count what came after the last step, such as an evaluation."""
        self._update(state.global_step)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of this."""
        if self._current is not None:
            self._update(self._current.last_step)
        return {"args": {}, "attributes": {"earlier": [asdict(entry) for entry in self.sessions]}}

    def _update(self, step: int) -> None:
        if self._current is not None:
            self._current.last_step = step
            self._current.seconds = time.monotonic() - self._began

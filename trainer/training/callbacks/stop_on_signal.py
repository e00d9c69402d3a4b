"""Ending a run early, so that it can go on: on SIGINT (Ctrl-C) and SIGTERM."""

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import torch
from transformers import (
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

EXIT_STATUS = 75  # sysexits.h: a temporary failure; the same command with --resume true goes on
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# On a GPU the processes agree every so many steps, or batches that are evaluated, because to ask
# is to wait for the GPU.
_STEPS_BETWEEN = 10
# Launchers hand on a SIGTERM that a cluster sent to their processes, too: within so many seconds
# it is the same one.
_ECHO = 2.0


class StoppedError(Exception):
    """Training was asked to stop; its checkpoint is written."""


class EvaluationStoppedError(StoppedError):
    """Training was asked to stop in an evaluation, which the trainer gives up."""


class StopOnSignal(TrainerCallback):
    """While training, a signal asks for a checkpoint after the step and then for the end.

    An evaluation is given up after its present batch. A second signal ends the process at once. If
    any process is asked, all stop after the same step or batch.

    Raises:
        StoppedError: from `Trainer.train`, when the checkpoint is there.
    """

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._stopping = False
        self._batches: int | None = None  # that were evaluated while training, None after it
        self._former: dict[int, Any] = {}

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.release()  # of a run before this one that was stopped
        self._batches = 0
        # Python lets the main thread alone have handlers.
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._ask) for number in _SIGNALS}

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.release()

    def release(self) -> None:
        """Give the signals back to whoever had them before training."""
        self._batches = None
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._agreed(args, state.global_step):
            self._stopping = control.should_save = True

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._batches is None:
            return
        self._batches += 1
        if self._stopping or self._agreed(args, self._batches):
            self._stopping = True
            raise EvaluationStoppedError(
                f"stopped in the evaluation after step {state.global_step}; go on with "
                f"--resume true"
            )

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._stopping:
            # Obeyed: if this process trains again, nobody has asked yet.
            self._stopping, self._asked_at = False, None
            raise StoppedError(f"stopped after step {state.global_step}; go on with --resume true")

    def _ask(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked_at is not None:
            if number == signal.SIGTERM and now - self._asked_at < _ECHO:
                return
            self.release()
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(128 + number)
        self._asked_at = now
        print(
            f"{signal.Signals(number).name}: stopping after this step, with a checkpoint "
            "(again: at once)",
            file=sys.stderr,
            flush=True,
        )

    def _agreed(self, args: TrainingArguments, count: int) -> bool:
        asked = self._asked_at is not None
        if args.world_size == 1:
            return asked
        if args.device.type != "cpu" and count % _STEPS_BETWEEN:
            return False
        asked_by = torch.tensor(float(asked), device=args.device)
        torch.distributed.all_reduce(asked_by)
        return bool(asked_by.item())

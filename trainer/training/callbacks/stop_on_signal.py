"""Resumable early stop of a run on SIGINT (Ctrl-C) and SIGTERM."""

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
# On GPUs, the processes synchronize their decision every so many steps or evaluation batches.
_STEPS_BETWEEN = 10
# Launchers forward a SIGTERM that the processes get from the cluster as well: within this many
# seconds it is the same signal.
_REPEAT_WINDOW = 2.0


class StoppedError(Exception):
    """Raised when training was stopped by a signal; its checkpoint is saved."""


class EvaluationStoppedError(StoppedError):
    """Raised when a signal aborts an evaluation during training."""


class StopOnSignal(TrainerCallback):
    """Saves a checkpoint and stops training after the current step on a signal.

    An evaluation is aborted after the current batch. A second signal ends the process immediately.
    If any process gets a signal, all stop after the same step or batch.

    Raises:
        StoppedError: from `Trainer.train`, after the checkpoint is saved.
    """

    def __init__(self) -> None:
        self._signal_time: float | None = None
        self._stopping = False
        self._batches: int | None = None  # evaluated during training; None after it
        self._previous_handlers: dict[int, Any] = {}

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.release()  # after an earlier run that was stopped
        self._batches = 0
        # Only the main thread can set handlers.
        if threading.current_thread() is threading.main_thread():
            self._previous_handlers = {
                number: signal.signal(number, self._handle) for number in _SIGNALS
            }

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.release()

    def release(self) -> None:
        """Restore the previous signal handlers."""
        self._batches = None
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        self._previous_handlers = {}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._should_stop(args, state.global_step):
            self._stopping = control.should_save = True

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._batches is None:
            return
        self._batches += 1
        if self._stopping or self._should_stop(args, self._batches):
            self._stopping = True
            raise EvaluationStoppedError(
                f"stopped in the evaluation after step {state.global_step}; go on with "
                f"--resume true"
            )

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._stopping:
            # Reset, in case this process trains again.
            self._stopping, self._signal_time = False, None
            raise StoppedError(f"stopped after step {state.global_step}; go on with --resume true")

    def _handle(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._signal_time is not None:
            if number == signal.SIGTERM and now - self._signal_time < _REPEAT_WINDOW:
                return
            self.release()
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            raise SystemExit(128 + number)
        self._signal_time = now
        print(
            f"{signal.Signals(number).name}: stopping after this step, with a checkpoint "
            "(again: at once)",
            file=sys.stderr,
            flush=True,
        )

    def _should_stop(self, args: TrainingArguments, count: int) -> bool:
        signaled = self._signal_time is not None
        if args.world_size == 1:
            return signaled
        if args.device.type != "cpu" and count % _STEPS_BETWEEN:
            return False
        n_signaled = torch.tensor(float(signaled), device=args.device)
        torch.distributed.all_reduce(n_signaled)
        return bool(n_signaled.item())

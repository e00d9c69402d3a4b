"""Ending a run early, so that it can go on: on SIGINT (Ctrl-C) and SIGTERM."""

import signal
import sys
import threading
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
# On a GPU the processes agree every so many steps, because to ask is to wait for the GPU.
_STEPS_BETWEEN = 10


class StoppedError(Exception):
    """Training was asked to stop; its checkpoint is written."""


class StopOnSignal(TrainerCallback):
    """While training, a signal asks for a checkpoint after the step and then for the end.

    A second SIGINT interrupts at once. If any process is asked, all stop after the same step.

    Raises:
        StoppedError: from `Trainer.train`, when the checkpoint is there.
    """

    def __init__(self) -> None:
        self._asked = False
        self._stopping = False
        self._former: dict[int, Any] = {}

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        # Python lets the main thread alone have handlers.
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._ask) for number in _SIGNALS}

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.release()

    def release(self) -> None:
        """Give the signals back to whoever had them before training."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._agreed(args, state.global_step):
            self._stopping = control.should_save = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self._stopping:
            raise StoppedError(f"stopped after step {state.global_step}; go on with --resume true")

    def _ask(self, number: int, _: FrameType | None) -> None:
        if self._asked and number == signal.SIGINT:
            self.release()
            raise KeyboardInterrupt
        self._asked = True
        print(
            f"{signal.Signals(number).name}: stopping after this step, with a checkpoint "
            "(Ctrl-C again: at once)",
            file=sys.stderr,
            flush=True,
        )

    def _agreed(self, args: TrainingArguments, step: int) -> bool:
        if args.world_size == 1:
            return self._asked
        if args.device.type != "cpu" and step % _STEPS_BETWEEN:
            return False
        asked = torch.tensor(float(self._asked), device=args.device)
        torch.distributed.all_reduce(asked)
        return bool(asked.item())

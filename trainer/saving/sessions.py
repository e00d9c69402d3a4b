"""What training took, recorded as it goes: one entry for each stretch without an interruption."""

import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState


@dataclass
class Session:
    """One stretch of training on one machine.

    Attributes:
        device: `cpu` or `cuda`, as torch calls it.
        hardware: the name of the processor or of the accelerator.
        count: CPU threads, or accelerators, that computed.
        processes: processes that trained together.
        first_step: optimizer steps that had been taken when it began.
        last_step: and when it ended, or when the last checkpoint was written.
        seconds: wall time, with the evaluations between steps.
    """

    device: str
    hardware: str
    count: int
    processes: int
    first_step: int = 0
    last_step: int = 0
    seconds: float = 0.0


def new_session(args: TrainingArguments, first_step: int = 0) -> Session:
    """A session that begins here and now."""
    on_cpu = args.device.type == "cpu"
    count = torch.get_num_threads() if on_cpu else max(1, args.n_gpu)
    name = processor_name() if on_cpu else accelerator_name(args.device)
    processes = args.world_size
    return Session(
        args.device.type, name, count * processes, processes, first_step, last_step=first_step
    )


def accelerator_name(device: torch.device) -> str:
    """The name of an accelerator; its type where there is no other."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def processor_name() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} ({platform.machine()})"
    except (OSError, UnicodeDecodeError):
        pass
    return f"{platform.processor() or platform.machine()} CPU"


def total_seconds(sessions: Iterable[Session]) -> float:
    """The wall time of all sessions."""
    return sum(session.seconds for session in sessions)


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

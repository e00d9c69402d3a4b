"""What training took, recorded as it goes: one entry for each stretch without an interruption."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import TrainingArguments


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

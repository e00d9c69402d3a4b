"""Training sessions: one entry for each uninterrupted stretch of training."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import TrainingArguments


@dataclass
class Session:
    """One uninterrupted stretch of training on one machine.

    Attributes:
        device: `cpu` or `cuda`, as in torch.
        hardware: the name of the processor or of the accelerator.
        count: number of CPU threads, or accelerators.
        processes: number of processes.
        first_step: optimizer steps at the start.
        last_step: optimizer steps at the end, or at the last checkpoint.
        seconds: wall time, including evaluations between steps.
    """

    device: str
    hardware: str
    count: int
    processes: int
    first_step: int = 0
    last_step: int = 0
    seconds: float = 0.0


def new_session(args: TrainingArguments, first_step: int = 0) -> Session:
    """Return a session that starts at `first_step` on this machine."""
    on_cpu = args.device.type == "cpu"
    count = torch.get_num_threads() if on_cpu else max(1, args.n_gpu)
    name = processor_name() if on_cpu else accelerator_name(args.device)
    processes = args.world_size
    return Session(
        args.device.type, name, count * processes, processes, first_step, last_step=first_step
    )


def accelerator_name(device: torch.device) -> str:
    """Return the name of an accelerator, or its type if it has no name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def processor_name() -> str:
    """Return the processor's name, if available, with its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()} ({platform.machine()})"
    except (OSError, UnicodeDecodeError):
        pass
    return f"{platform.processor() or platform.machine()} CPU"


def total_seconds(sessions: Iterable[Session]) -> float:
    """Return the total wall time of sessions."""
    return sum(session.seconds for session in sessions)

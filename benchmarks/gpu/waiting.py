"""Training loops that should neither wait for the device nor grow in memory."""

import tempfile
from typing import Any

import torch
from transformers import TrainerCallback

from benchmarks.gpu.findings import Findings
from benchmarks.gpu.host_reads import HostReads, Synchronizations, Watch
from benchmarks.gpu.settings import Settings
from benchmarks.gpu.shapes import drawn_tasks, encoder_folder, shapes_of, wait
from benchmarks.speed.workers.trainers import be_quiet, make_trainer, settings_of, tokenized

# Name -> options of the run besides the defaults.
LOOPS: dict[str, tuple[str, ...]] = {
    "sum": (),
    "pcgrad": ("--aggregator", "pcgrad"),
    "averaged, learned loss weights": ("--ema_decay", "0.99", "--loss_weights", "uncertainty"),
    "R-Drop": ("--rdrop_weight", "1.0"),
    "overlapping": ("--optimizer_layout", "overlapping"),
    "SMART": ("--smart_weight", "1.0"),
}


class Memory(TrainerCallback):
    """The device's allocated bytes after every tenth step."""

    def __init__(self, device: str):
        self.device = device
        self.bytes: list[int] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.device == "cuda" and state.global_step % 10 == 0:
            self.bytes.append(torch.cuda.memory_allocated())


def measure(settings: Settings, findings: Findings) -> None:
    """Add the lines that waited and the memory, for every loop."""
    be_quiet()
    shape = shapes_of(settings)[-1]
    steps, size = (4, 4) if settings.toy else (50, 32)
    job: dict[str, Any] = {
        "weights": encoder_folder(settings, shape),
        "batch_size": size,
        "cycles": steps,
        "learning_rate": 1e-4,
        "max_length": 128,
        "seed": settings.seed,
        "device": settings.device,
        "bf16": settings.bf16,
    }
    job["tasks"] = drawn_tasks(job["weights"], steps * size, settings.seed)
    for name, options in LOOPS.items():
        findings.add(name, loop(settings, job, options))


def loop(settings: Settings, job: dict[str, Any], options: tuple[str, ...]) -> dict[str, Any]:
    """Train once; return the lines that waited, with their counts, and the memory in bytes."""
    on_card = settings.device == "cuda"
    reads = Synchronizations() if on_card else HostReads()
    memory = Memory(settings.device)
    with tempfile.TemporaryDirectory() as folder:
        logs = ("--logging_strategy", "steps", "--logging_steps", "25")
        run = settings_of(job, folder, *logs, *options)
        trainer = make_trainer(run, tokenized(job, run))
        trainer.decide_on_device = True
        trainer.add_callback(Watch(reads, first=1 if settings.toy else 4))
        trainer.add_callback(memory)
        if on_card:
            torch.cuda.reset_peak_memory_stats()
        with reads:
            trainer.train()
        wait(settings.device)
    # Rows differ between steps: a leak grows at every sample, not only at some.
    grows = len(memory.bytes) > 2 and all(
        later > earlier for earlier, later in zip(memory.bytes, memory.bytes[1:], strict=False)
    )
    return {
        "waits": dict(reads.found),
        "memory": memory.bytes,
        "peak": torch.cuda.max_memory_allocated() if on_card else None,
        "grows": grows,
    }

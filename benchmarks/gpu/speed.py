"""Training speed: ours and the peers on the same rows, as a share of the GPU's matrix product."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import Any

import torch

from benchmarks.gpu.findings import Findings
from benchmarks.gpu.settings import Settings
from benchmarks.gpu.shapes import drawn_tasks, encoder_folder, flops_per_token, shapes_of, wait
from benchmarks.peers.protocol import seconds_of
from benchmarks.speed.arithmetic import per_second, ratios, turns
from benchmarks.speed.processes import AbsentError, Worker, own_python
from benchmarks.speed.rows import as_json, draw, read_tasks
from benchmarks.speed.settings import Settings as SpeedSettings
from benchmarks.speed.settings import Sizes

OURS = "hybrid-mtl"
CONTENDERS = {
    OURS: "benchmarks.speed.workers.train",
    "transformers.Trainer": "benchmarks.peers.plain_trainer",
    "sentence-transformers": "benchmarks.peers.sentence_transformers_loop",
}


def measure(settings: Settings, findings: Findings) -> None:
    """Add the matrix rate, and every shape's and batch size's tokens per second and ratios."""
    rate = matrix_rate(settings)
    findings.add("matrix_tflops", rate / 1e12)
    for shape in shapes_of(settings):
        for size in settings.batch_sizes:
            findings.add(f"{shape}, {size} rows", compare(settings, shape, size, rate))


def matrix_rate(settings: Settings) -> float:
    """Return the operations per second of a large product of bf16 matrices."""
    size = 256 if settings.toy else 8192
    left, right = (
        torch.randn(size, size, device=settings.device, dtype=torch.bfloat16) for _ in range(2)
    )

    def once() -> None:
        left @ right
        wait(settings.device)

    once()
    return 2 * size**3 / median(seconds_of(once) for _ in range(max(5, settings.repetitions)))


def rows_of(settings: Settings, folder: str, count: int) -> dict[str, Any]:
    """Return the data's rows if it is given and the folder has its vocabulary, else random ones."""
    if settings.data_dir is None or folder != settings.weights:
        return drawn_tasks(folder, count, settings.seed)
    speed = SpeedSettings(settings.data_dir, 1, 1, Sizes(), settings.path("work"))
    return as_json(draw(read_tasks(speed, "train"), count, settings.seed))


def compare(settings: Settings, shape: str, size: int, rate: float) -> dict[str, Any]:
    """Compare one shape and batch size: all rates, ours over theirs, and our share."""
    cycles, warm_up = (2, 1) if settings.toy else ({8: 30, 32: 20}[size], 10)
    folder = encoder_folder(settings, shape)
    total = warm_up + cycles * settings.repetitions
    job = {
        "weights": folder,
        "tasks": rows_of(settings, folder, total * size),
        "batch_size": size,
        "cycles": total,
        "learning_rate": 1e-4,
        "max_length": 128,
        "seed": settings.seed,
        "device": settings.device,
        "bf16": settings.bf16,
        "onednn": False,
    }
    absent: dict[str, str] = {}
    place = settings.path("work", f"{shape}-{size}")

    def start(name: str) -> Worker:
        return Worker(name, own_python(), CONTENDERS[name], job, place, settings.threads)

    with ExitStack() as stack:
        # All at once, since most of it is the import of libraries.
        starts = stack.enter_context(ThreadPoolExecutor())
        workers = {}
        for name, started in {name: starts.submit(start, name) for name in CONTENDERS}.items():
            try:
                workers[name] = stack.enter_context(started.result())
            except AbsentError as reason:
                absent[name] = str(reason)
        answers: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
        for repetition in range(-1, settings.repetitions):
            for name in turns(list(answers), repetition) if answers else ():
                try:
                    answer = workers[name].ask(cycles=warm_up if repetition < 0 else cycles)
                except AbsentError as reason:
                    absent[name] = str(reason)
                    del answers[name]
                    continue
                if repetition >= 0:
                    answers[name].append(answer)
    return summary(answers, absent, job, rate)


def summary(
    answers: dict[str, list[dict[str, Any]]],
    absent: dict[str, str],
    job: dict[str, Any],
    rate: float,
) -> dict[str, Any]:
    """Return the report of one comparison."""
    folder, size, tasks = job["weights"], job["batch_size"], job["tasks"]
    rates = {
        name: per_second([a["tokens"] for a in own], [a["seconds"] for a in own])
        for name, own in answers.items()
    }
    found: dict[str, Any] = {"absent": absent, "tokens_per_second": {}, "over": {}}
    for name, own in rates.items():
        found["tokens_per_second"][name] = [median(own), min(own), max(own)]
        if name != OURS and OURS in rates:
            spread = ratios(rates[OURS], own)
            found["over"][name] = [spread.median, spread.low, spread.high]
    if OURS in rates:
        tokens = sum(a["tokens"] for a in answers[OURS])
        # A cycle has a text of each row, and two of the rows of pairs.
        texts = size * sum(1 + task["pair"] for task in tasks.values())
        per_text = tokens / (texts * sum(a["cycles"] for a in answers[OURS]))
        found["tokens_per_text"] = per_text
        found["mfu"] = median(rates[OURS]) * flops_per_token(folder, per_text) / rate
    return found

"""A real run: `configs/best.yaml` for three seeds, if weights and data are given."""

import json
import subprocess
import sys
import time

from benchmarks.gpu.findings import Findings
from benchmarks.gpu.settings import Settings
from benchmarks.gpu.shapes import drawn_tasks, encoder_folder, write_data
from benchmarks.speed.processes import ROOT, environment

SEEDS = (1, 2, 3)


def measure(settings: Settings, findings: Findings) -> None:
    """Add each seed's scores and seconds."""
    if settings.toy:
        folder = encoder_folder(settings, "toy")
        write_data(drawn_tasks(folder, 24, settings.seed), settings.path("work", "data"))
        few = ("--max_steps", "4", "--eval_steps", "2", "--save_steps", "2", "--eval_delay", "0")
        findings.add("seed 1", run(settings, 1, folder, str(settings.path("work", "data")), few))
        return
    if settings.weights is None or settings.data_dir is None:
        findings.add("absent", "a real run needs --weights and --data_dir")
        return
    for seed in SEEDS:
        findings.add(f"seed {seed}", run(settings, seed, settings.weights, settings.data_dir, ()))


def run(
    settings: Settings, seed: int, weights: str, data: str, options: tuple[str, ...]
) -> dict[str, float]:
    """Train and evaluate once; return seconds and the overall score with its parts.

    Raises:
        CalledProcessError: if the run fails; its output is in the log.
    """
    folder = settings.path("work", f"best-{seed}")
    command = [sys.executable, "scripts/run_mtl.py", "configs/best.yaml"]
    command += ["--model_name_or_path", weights, "--data_dir", data, "--seed", str(seed)]
    command += ["--output_dir", str(folder), "--overwrite_output_dir", "true"]
    command += ["--use_cpu", str(settings.device == "cpu").lower(), "--disable_tqdm", "true"]
    command += ["--bf16", str(settings.bf16).lower(), *options]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment(settings.threads), check=True)
    seconds = time.perf_counter() - start
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    names = ("overall", "sentiment_accuracy", "paraphrase_accuracy", "similarity_pearson")
    return {"seconds": seconds, **{name: metrics[f"eval_{name}"] for name in names}}

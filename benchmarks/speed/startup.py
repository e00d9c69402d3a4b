"""Start-up: from the command to the first training step, and the import of our packages."""

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.speed.arithmetic import Spread
from benchmarks.speed.findings import Findings
from benchmarks.speed.processes import ROOT, AbsentError, environment, own_python
from benchmarks.speed.rows import OPTIONS
from benchmarks.speed.settings import Settings

# The usual imports for training and predicting with transformers.
OTHERS = (
    "import torch, transformers\n"
    "from transformers import (AutoConfig, AutoModel, AutoTokenizer, HfArgumentParser, Pipeline, "
    "PreTrainedModel, Trainer, TrainerCallback, TrainingArguments)\n"
)
IMPORTS = {
    "import_seconds": "import trainer, modeling_hybrid_mtl",
    "import_command_seconds": "import trainer.config.parser, trainer.runs.train",
}


def measure(settings: Settings, findings: Findings) -> None:
    """Add the seconds of importing, and of starting with and without the tokenized rows' cache."""
    print("start-up ...", flush=True)
    count = settings.sizes.starts
    imports: dict[str, list[float]] = {name: [] for name in IMPORTS}
    starts: dict[str, list[float]] = {"startup_cold_seconds": [], "startup_cached_seconds": []}
    for _ in range(count):
        for name, code in IMPORTS.items():
            imports[name].append(_import_seconds(settings, code))
        with tempfile.TemporaryDirectory() as cache:
            for taken in starts.values():
                taken.append(_start_seconds(settings, cache))
    rows = []
    for name, values in {**imports, **starts}.items():
        spread = Spread.of(values)
        findings.add(name, spread)
        rows.append((name, f"{spread.median:.2f}", f"{spread.low:.2f} to {spread.high:.2f}"))
    findings.tables["Start-up"] = [("", "Seconds", "(range)"), *rows]
    findings.remarks.append(
        "Start-up: from the command `run_mtl.py` to the end of its first step, with batches of 8. "
        "Cold means without cached tokens; the system's file cache is warm in both. "
        "Imports are timed in a process that has imported torch, transformers and its Trainer."
    )


def _import_seconds(settings: Settings, code: str) -> float:
    program = f"{OTHERS}import time\nstart = time.perf_counter()\n{code}\n"
    program += "print('seconds', time.perf_counter() - start)\n"
    command = [own_python(), "-c", program]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(settings.threads),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split("seconds")[-1])


def _start_seconds(settings: Settings, cache: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        own = ("--output_dir", folder, "--logging_steps", "1", "--disable_tqdm", "true")
        stops = ("--max_steps", "1", "--eval_strategy", "no", "--save_strategy", "no")
        command = [own_python(), "scripts/run_mtl.py", *OPTIONS, *own, *stops]
        command += ["--data_dir", settings.data_dir, "--per_device_train_batch_size", "8"]
        variables = environment(settings.threads, HF_DATASETS_CACHE=cache, PYTHONUNBUFFERED="1")
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return _seconds_to_first_loss(process, Path(folder) / "run.log", start)
        finally:
            process.kill()
            process.wait()


def _seconds_to_first_loss(process: subprocess.Popen, log: Path, start: float) -> float:
    """Return the seconds until a run's log has the values of its first step."""
    while process.poll() is None:
        if log.is_file() and '"loss"' in log.read_text(encoding="utf-8"):
            return time.perf_counter() - start
        time.sleep(0.02)
    raise AbsentError("run_mtl.py ended before its first step")

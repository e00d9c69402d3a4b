"""What a search adds to the runs that it makes: its own work, and a trial in a warm worker."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.speed.arithmetic import Spread, ratios
from benchmarks.speed.findings import Findings
from benchmarks.speed.processes import ROOT, environment, own_python
from benchmarks.speed.settings import Settings
from trainer.search.command import make_request
from trainer.search.executor import ProcessExecutor
from trainer.search.methods import make_method
from trainer.search.run import Search
from trainer.search.segments import Request
from trainer.search.storage import Storage
from trainer.search.study import Study
from trainer.search.study_file import read_study
from trainer.search.trials import Result
from trainer.search.worker import run_segment

TRIVIAL = 100


def measure(settings: Settings, findings: Findings) -> None:
    """Add the seconds of a hundred trivial trials, and of a short run in both ways."""
    print("searches ...", flush=True)
    trivial = Spread.of([_trivial_seconds() for _ in range(settings.repetitions)])
    alone, warm = _run_seconds(settings)
    findings.add("search_hundred_trivial_trials_seconds", trivial)
    findings.add("search_warm_trial_vs_run_mtl", ratios(warm, alone))
    rows: list[tuple[str, ...]] = [("", "Seconds", "(range)")]
    for name, spread in (
        (f"{TRIVIAL} trials that do nothing", trivial),
        ("a run of one cycle by `run_mtl.py`", Spread.of(alone)),
        ("the same run as a trial in a warm worker", Spread.of(warm)),
    ):
        rows.append((name, f"{spread.median:.2f}", f"{spread.low:.2f} to {spread.high:.2f}"))
    findings.tables["Searches"] = rows


def do_nothing(request: Any) -> Result:
    return Result(0.0)


def _trivial_seconds() -> float:
    executor = ProcessExecutor(do_nothing, preload=())
    try:
        with tempfile.TemporaryDirectory() as folder:
            study = Study("trivial", {}, folder, seeds=list(range(TRIVIAL)), parallel=2)
            for key in range(study.parallel):  # all workers are warm
                executor.submit(key, None)
            for _ in range(study.parallel):
                executor.wait()
            start = time.perf_counter()
            Search(study, lambda *_: None).run(executor)
            return time.perf_counter() - start
    finally:
        executor.close()


def _run_seconds(settings: Settings) -> tuple[list[float], list[float]]:
    """Return the seconds of runs by `run_mtl.py`, and of trials after the first."""
    alone, warm = [], []
    requests = _requests(settings)
    executor = ProcessExecutor(run_segment, settings.threads)
    try:
        for number, request in enumerate(requests):
            start = time.perf_counter()
            executor.submit(number, request)
            result = executor.wait()[1]
            if result.error is not None:
                raise RuntimeError(f"a trial failed: {result.error}")
            taken = time.perf_counter() - start
            if number:  # the first one waits for imports, and fills the cache of tokens
                warm.append(taken)
                alone.append(_alone(settings, request))
    finally:
        executor.close()
    return alone, warm


def _requests(settings: Settings) -> list[Request]:
    folder = settings.work / "trials"
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "output_dir": str(folder / "study"),
        "seeds": list(range(settings.sizes.starts + 1)),
        "cycles": 1,
        "options": {
            "model_name_or_path": "minilm",
            "data_dir": settings.data_dir,
            "report_to": "none",
            "disable_tqdm": True,
        },
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    study = read_study(path)
    method, storage = make_method(study), Storage(study)
    requests = []
    while segment := method.ask():
        requests.append(make_request(study, storage, method.trials, segment, folder))
    return requests


def _alone(settings: Settings, request: Request) -> float:
    options = {**request.options, "output_dir": str(settings.work / "alone")}
    path = Path(settings.work, "alone.yaml")
    path.write_text(yaml.safe_dump(options), encoding="utf-8")
    command = [own_python(), "scripts/run_mtl.py", str(path), "--overwrite_output_dir", "true"]
    start = time.perf_counter()
    subprocess.run(
        command, cwd=ROOT, env=environment(settings.threads), capture_output=True, check=True
    )
    return time.perf_counter() - start

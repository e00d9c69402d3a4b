"""Check correctness and speed on an accelerator: `python -m benchmarks.gpu [--device cpu --toy]`.

Each part runs in its own process; its findings are kept even if it does not finish.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu import report
from benchmarks.gpu.settings import Settings
from benchmarks.speed.processes import ROOT, environment

PARTS = ("correctness", "waiting", "speed", "prediction", "run")
# Temporary models and rows, deleted at the end.
WORK = "work"


def read_arguments(arguments: Sequence[str] | None) -> tuple[Settings, list[str]]:
    """Return the settings and the parts to run."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--toy", action="store_true", help="tiny sizes, to check that it runs")
    parser.add_argument(
        "--weights", help="folder of an encoder of MiniLM's shape (default: random)"
    )
    parser.add_argument("--data_dir", help="the tasks' data, as for run_mtl.py (default: random)")
    parser.add_argument("--output", default="build", help="folder of gpu.json, gpu.md and the logs")
    parser.add_argument("--limit", type=float, default=480.0, help="seconds for everything")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args(arguments)
    weights, data = (
        value and str(Path(value).resolve()) for value in (given.weights, given.data_dir)
    )
    folder = str(Path(given.output).resolve())
    return Settings(given.device, given.toy, folder, weights, data, given.limit), given.only


def run_part(name: str, settings: Settings, seconds: float) -> dict[str, Any]:
    """Run a part for at most `seconds`; return its findings, its time and how it ended."""
    path = settings.path(WORK, "settings.json")
    settings.save(path)
    log = settings.path(f"gpu-{name}.log")
    start = time.perf_counter()
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.gpu.part", name, str(path)],
            cwd=ROOT,
            env=environment(settings.threads),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=max(1.0, seconds))
            end = "whole" if code == 0 else f"failed: {last_line(log)}"
        except subprocess.TimeoutExpired:
            end = "stopped: the time was over"
        finally:
            end_group(process)
    found = settings.path(WORK, f"{name}.json")
    findings = json.loads(found.read_text(encoding="utf-8")) if found.exists() else {}
    return {**findings, "seconds": time.perf_counter() - start, "end": end}


def end_group(process: subprocess.Popen) -> None:
    """End a part and all processes that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def keep_logs(settings: Settings) -> None:
    """Append the output of the speed part's workers to that part's log."""
    logs = sorted(settings.path(WORK).glob("*/*.log"))
    if not logs:
        return
    with settings.path("gpu-speed.log").open("a", encoding="utf-8") as file:
        for log in logs:
            text = log.read_text(encoding="utf-8", errors="replace")
            file.write(f"== {log.parent.name}, {log.stem}\n{text}\n")


def last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; return 0 if all finished and no test failed."""
    begin = time.perf_counter()
    settings, parts = read_arguments(arguments)
    if settings.device == "cuda" and not torch.cuda.is_available():
        print("No GPU is available to torch; --device cpu --toy is a dry run.", file=sys.stderr)
        return 2
    shutil.rmtree(settings.path(WORK), ignore_errors=True)
    settings.path(WORK).mkdir(parents=True)
    found: report.Found = {}
    text = ""
    for name in parts:
        left = settings.limit - (time.perf_counter() - begin)
        if left < 1:
            found[name] = {"end": "left out: the time was over"}
        else:
            found[name] = run_part(name, settings, left)
        text = report.write(settings, found)
        print(f"{name}: {found[name].get('seconds', 0):.0f} s, {found[name]['end']}", flush=True)
    keep_logs(settings)
    shutil.rmtree(settings.path(WORK), ignore_errors=True)
    print(text)
    whole = all(part["end"] == "whole" for part in found.values())
    return 0 if whole and not found.get("correctness", {}).get("failed") else 1


if __name__ == "__main__":
    sys.exit(main())

"""Create the peers' environments from PyPI and keep them for the next run."""

import subprocess
import sys
from pathlib import Path

from benchmarks.speed.processes import ROOT, AbsentError

# Name -> packages installed after torch.
ENVIRONMENTS = {
    "transformers": ["transformers", "accelerate", "fastapi", "uvicorn"],
    "sentence-transformers": [
        "sentence-transformers",
        "accelerate",
        "datasets",
        "fastapi",
        "uvicorn",
    ],
    "tasknet": ["tasknet"],
}


def python_of(name: str, folder: Path) -> Path:
    """Return the interpreter of a peer's environment, creating the environment if it is missing.

    The versions are those tested with this project, so that only the peers' own code differs.

    Raises:
        AbsentError: if it cannot be created, with pip's last line.
    """
    home = folder / name
    python = home / "bin" / "python"
    stamp = home / ".complete"
    if not stamp.is_file():
        print(f"creating the environment of {name} in {home} ...", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(home)])
        install = [str(python), "-m", "pip", "install", "--quiet", "-c", "constraints.txt"]
        # Torch first and alone, to keep a CPU build from a configured index.
        _run([*install, "torch==2.13.0"])
        _run([*install, *ENVIRONMENTS[name]])
        stamp.touch()
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise AbsentError(lines[-1] if lines else f"exit status {done.returncode}")

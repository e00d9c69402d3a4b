"""An environment with only torch and transformers, and processes in it."""

import json
import os
import re
import subprocess
import sys
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any


def make_environment(folder: Path, *packages: str) -> Path:
    """Create a virtual environment with links to installed packages and their dependencies.

    This project is not among them.

    Returns:
        The environment's interpreter.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in _closure(packages):
        package = distribution(name)
        root = Path(package.locate_file(""))
        tops = {Path(file).parts[0] for file in package.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            if not (site / top).exists():
                (site / top).symlink_to(root / top)
    return folder / "bin" / "python"


def _closure(packages: tuple[str, ...]) -> set[str]:
    """Return the packages and all their installed dependencies, without extras."""
    names: set[str] = set()
    remaining = list(packages)
    while remaining:
        name = remaining.pop()
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:  # for another platform
            continue
        if name not in names:
            names.add(name)
            plain = [entry for entry in requirements if "extra ==" not in entry]
            remaining += [re.match(r"[\w.-]+", entry).group().lower() for entry in plain]
    return names


class Stranger:
    """Runs code in the environment, with its own cache.

    Args:
        python: the environment's interpreter.
        folder: the folder of its cache and files.
        endpoint: the Hub's address.
    """

    def __init__(self, python: Path, folder: Path, endpoint: str):
        self.python, self.folder, self.endpoint = python, folder, endpoint
        folder.mkdir()

    def __call__(self, code: str, token: str | None = None) -> Any:
        """Run the code and return its last line of output, parsed as JSON."""
        done = self.run(code, token)
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    def run(self, code: str, token: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [self.python, "-I", "-c", code],
            cwd=self.folder,
            env=environment(self.folder, self.endpoint, token),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )


def environment(folder: Path, endpoint: str, token: str | None) -> dict[str, str]:
    """Return the environment variables of a process that uses the look-alike."""
    ours = ("HF_", "HUGGING", "PYTHON", "TRANSFORMERS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **kept,
        **({} if token is None else {"HF_TOKEN": token}),
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "hf_home"),
        "HF_HUB_DISABLE_XET": "1",
        "OMP_NUM_THREADS": "1",
    }


def run_script(name: str, *arguments: str, folder: Path, endpoint: str, token: str | None) -> Any:
    """Run one of our scripts in our environment."""
    script = Path(__file__).parents[2] / "scripts" / name
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        env=environment(folder, endpoint, token),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )

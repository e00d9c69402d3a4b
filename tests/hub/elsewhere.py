"""An environment with torch and transformers alone, and what a stranger does in it."""

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
    """A virtual environment that sees some of the packages installed here, and what they need.

    Nothing is downloaded or copied: its packages are links. This project is none of them.

    Returns:
        Its interpreter.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in _closure(packages):
        found = distribution(name)
        root = Path(found.locate_file(""))
        tops = {Path(file).parts[0] for file in found.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            if not (site / top).exists():
                (site / top).symlink_to(root / top)
    return folder / "bin" / "python"


def _closure(packages: tuple[str, ...]) -> set[str]:
    """Names of packages and of all they require here, without extras."""
    found: set[str] = set()
    left = list(packages)
    while left:
        name = left.pop()
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:  # for another platform
            continue
        if name not in found:
            found.add(name)
            plain = [entry for entry in requirements if "extra ==" not in entry]
            left += [re.match(r"[\w.-]+", entry).group().lower() for entry in plain]
    return found


class Stranger:
    """Runs code in the environment, with a cache of its own.

    Args:
        python: its interpreter.
        folder: where its cache and its files are.
        endpoint: the Hub's address.
    """

    def __init__(self, python: Path, folder: Path, endpoint: str):
        self.python, self.folder, self.endpoint = python, folder, endpoint
        folder.mkdir()

    def __call__(self, code: str, token: str | None = None) -> Any:
        """What the code prints last, as JSON; the output of a failure raises `AssertionError`."""
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
    """Environment variables of a process that speaks to the look-alike."""
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

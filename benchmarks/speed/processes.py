"""Worker processes, one of which works at a time."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class AbsentError(Exception):
    """A contender cannot run; the message is the reason."""


def environment(threads: int, **more: str) -> dict[str, str]:
    """Return the environment variables of a process with `threads` threads and no network."""
    counts = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
    offline = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
    own = {**dict.fromkeys(counts, str(threads)), **dict.fromkeys(offline, "1")}
    return {**os.environ, "TOKENIZERS_PARALLELISM": str(threads > 1).lower(), **own, **more}


class Worker:
    """A process that runs a module with the `benchmarks.peers.protocol`.

    Args:
        name: of the contender and of its log.
        python: the interpreter of its environment.
        module: the module to run.
        job: its job, written to a JSON file.
        folder: of its job and its log.
        threads: the number of its threads.
        variables: more environment variables.

    Raises:
        AbsentError: if it ends before it is ready.
    """

    def __init__(
        self,
        name: str,
        python: str | Path,
        module: str,
        job: Mapping[str, Any],
        folder: Path,
        threads: int,
        variables: Mapping[str, str] | None = None,
    ):
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{name}.log"
        path = folder / f"{name}.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(python), "-m", module, str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=environment(threads, **(variables or {})),
                text=True,
            )
        try:
            self._receive()
        except AbsentError:
            self.close()
            raise

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the reply.

        Raises:
            AbsentError: if the process ends instead.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise AbsentError(self._reason()) from error
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AbsentError(self._reason())
        return json.loads(line)

    def _reason(self) -> str:
        self._process.wait()
        lines = self._log.read_text(errors="replace").strip().splitlines()
        last = lines[-1].strip() if lines else f"exit status {self._process.returncode}"
        return f"{last} (more in {self._log})"

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def own_python() -> str:
    """Return the interpreter of this project's environment."""
    return sys.executable

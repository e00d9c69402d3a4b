"""What runs in the workers of a Ray cluster."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.search.trials import Result


class RayWorker:
    """An actor that trains one segment after the other, in its main thread.

    Args:
        target: see `RayExecutor`.
        current: the current folder of the search, which relative paths of a study refer to.
        witness: a file in the study's folder.
        first_line: what it begins with.

    Raises:
        InputError: if this node does not see these folders.
    """

    def __init__(
        self, target: Callable[[Any], Result | None], current: str, witness: str, first_line: str
    ):
        check_folders(current, witness, first_line)
        os.chdir(current)
        self.target = target

    def place(self) -> tuple[str, int]:
        """Return the node and the process in which this worker is."""
        import ray

        return ray.get_runtime_context().get_node_id(), os.getpid()

    def run(self, request: Any) -> Result | None:
        """Train a segment."""
        return self.target(request)


def check_folders(current: str, witness: str, first_line: str) -> None:
    """Check that this node sees the search's current folder and the study's folder."""
    path = Path(witness)
    if not Path(current).is_dir():
        missing = current
    elif not path.is_file() or path.read_text(encoding="utf-8").partition("\n")[0] != first_line:
        missing = str(path.parent)
    else:
        return
    raise InputError(
        f"node {socket.gethostname()} does not see '{missing}': all nodes must share the current "
        "folder and the study's, under the same paths"
    )


def stop_process(process: int) -> None:
    """Let a process of this node save a checkpoint and stop."""
    os.kill(process, signal.SIGTERM)

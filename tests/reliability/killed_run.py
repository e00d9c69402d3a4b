"""A run of the command line in a process of its own, which a test may kill."""

import os
import signal
import sys


def run(arguments: list[str], log: str, kill_before: int | None = None) -> None:
    """Train as `run_mtl.py` does; what it says goes to a file.

    Args:
        arguments: of the command line.
        log: the file, named after the output folder.
        kill_before: the number, from 0, of the file or folder of the output folder that is not to
            get its name any more: the process is killed there.
    """
    import multiprocessing

    # The masking collator of transformers takes any other process for a loader's worker.
    multiprocessing.current_process().name = "MainProcess"
    with open(log, "a", encoding="utf-8") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    if kill_before is not None:
        _kill_before(kill_before, log.removesuffix(".log"))
    from scripts.run_mtl import main
    from tests.toy_runs import dots_for_pictures

    # To draw takes as long as all else, and is rarely where a run is killed for a reason.
    with dots_for_pictures():
        sys.exit(main(arguments))


def _kill_before(number: int, folder: str) -> None:
    left = number

    def watched(move):
        def moved(source, target, *rest, **options):
            nonlocal left
            if os.fspath(target).startswith(folder + os.sep):
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
            return move(source, target, *rest, **options)

        return moved

    os.replace, os.rename = watched(os.replace), watched(os.rename)

"""A run of the command line in a process of its own, which a test may kill."""

import sys


def run(arguments: list[str], log: str) -> None:
    """Train as `run_mtl.py` does; what it says goes to a file."""
    import multiprocessing
    import os

    # The masking collator of transformers takes any other process for a loader's worker.
    multiprocessing.current_process().name = "MainProcess"
    with open(log, "a", encoding="utf-8") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    from scripts.run_mtl import main

    sys.exit(main(arguments))

"""A lock on the folder of a study, which one search at a time may use."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.errors import InputError

LOCK = ".lock"


@contextmanager
def only_search(folder: Path) -> Iterator[None]:
    """Keep other searches out of a study's folder; the system ends this with the process.

    Raises:
        InputError: if another search uses the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"output_dir: another search of this study uses '{folder}' at this moment"
            ) from error
        yield

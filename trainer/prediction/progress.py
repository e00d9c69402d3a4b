"""The progress of a prediction: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

# Not that of `datasets`, which the bars of loading weights are turned off with.
from tqdm import tqdm

# Seconds between two lines, such as in the log of a job.
INTERVAL = 30.0


class Progress(Protocol):
    """Counts rows."""

    def update(self, rows: int) -> object:
        """Add rows to the count."""


class Lines:
    """Prints the count, the speed and the time left every `INTERVAL` seconds.

    Args:
        total: the number of rows, about; None if it is unknown.
        done: the rows of earlier processes.
    """

    def __init__(self, total: int | None, done: int):
        self._total, self._done, self._new = total, done, 0
        self._start = self._printed = time.monotonic()

    def update(self, rows: int) -> None:
        """Add rows to the count."""
        self._new += rows
        now = time.monotonic()
        if now - self._printed < INTERVAL:
            return
        self._printed = now
        speed = self._new / (now - self._start)
        count = self._done + self._new
        line = f"{count:,}{'' if self._total is None else f' of {self._total:,}'} rows"
        line += f", {speed:,.0f} rows/s"
        if self._total is not None:
            left = max(self._total - count, 0) / speed
            line += f", {tqdm.format_interval(left)} left"
        print(line, file=sys.stderr, flush=True)


@contextmanager
def show_progress(total: int | None, done: int) -> Iterator[Progress]:
    """Yield a bar if stderr is a terminal, else what prints lines.

    Args:
        total: the number of rows, about; None if it is unknown.
        done: the rows of earlier processes.
    """
    if not sys.stderr.isatty():
        yield Lines(total, done)
        return
    with tqdm(total=total, initial=done, unit=" rows") as bar:
        yield bar
        bar.total = bar.n
        bar.refresh()


class Silent:
    """Shows nothing."""

    def update(self, rows: int) -> None:
        """Do nothing."""

"""Monitoring of logs, once or as a service, and the files that it writes."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.monitoring.log_reader import LogReader
from trainer.monitoring.monitor import Monitor
from trainer.monitoring.options import MonitorOptions
from trainer.monitoring.outputs import write_outputs
from trainer.monitoring.records import Embed
from trainer.monitoring.reference import Reference
from trainer.monitoring.result import Monitored


class LogMonitor:
    """A monitor of files.

    Args:
        model: the model's name.
        reference: of the model.
        logs: the files.
        options: of the monitor.
        embed: returns the vectors of logged texts; None to compare none.
        any_version: also read the answers of other versions of the model.
        now: returns the time in seconds.

    Raises:
        InputError: if a file is given twice.
    """

    def __init__(
        self,
        model: str,
        reference: Reference,
        logs: Sequence[Path],
        options: MonitorOptions,
        *,
        embed: Embed | None = None,
        any_version: bool = False,
        now: Callable[[], float] = time.time,
    ):
        resolved = [path.resolve() for path in logs]
        for path, place in zip(logs, resolved, strict=True):
            if resolved.count(place) > 1:
                raise InputError(f"log: '{path}' is given twice")
        self._now = now
        self._monitor = Monitor(model, reference, options, embed)
        lines = self._monitor.found.lines
        self._reader = LogReader(logs, reference, lines, any_version=any_version, now=now)

    @property
    def found(self) -> Monitored:
        """Return the result so far."""
        return self._monitor.found

    def read(self) -> int:
        """Read the new lines of the files; return the number of windows that they completed.

        Raises:
            InputError: if a file cannot be read.
        """
        count = self._monitor.add(self._reader.read(), self._now())
        self.found.examples = dict(self._reader.examples)
        return count

    def follow(self, folder: Path, seconds: float, report: Callable[[Monitored], Any]) -> None:
        """Read new lines every few seconds, and write the files, until SIGTERM or SIGINT.

        A file that cannot be read at some time, as while logs are rotated, is tried again.

        Args:
            folder: of the files.
            seconds: between two looks.
            report: called whenever a window was completed, and in the beginning.
        """
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        is_first = True
        while not stop.is_set():
            try:
                completed = self.read()
            except InputError as error:
                self.found.lines["times a log could not be read"] += 1
                if is_first:
                    raise error
                completed = 0
            write_outputs(self.found, folder)
            if completed or is_first:
                report(self.found)
            is_first = False
            stop.wait(seconds)

"""The log file of a run."""

import re
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

LOG_FILE = "run.log"
# Colors and movements of the cursor (ECMA-48).
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class RunLog:
    """Lines with the time, kept in memory until the file is opened.

    A line that cannot be written, as on a full disk, ends the log with a warning, not the run.
    """

    def __init__(self) -> None:
        self._pending: list[str] = []
        self._file: TextIO | None = None
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Add a text of one or more lines, without its colors."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        lines = _ESCAPES.sub("", text).rstrip("\n").split("\n")
        with self._lock:
            self._pending += [f"{now}  {line.rstrip()}".rstrip() + "\n" for line in lines]
            self._flush()

    def open(self, path: Path) -> None:
        """Append the lines so far to a file, and those that follow at once."""
        with self._lock:
            self._file = path.open("a", encoding="utf-8", errors="backslashreplace")
            self._flush()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    def _flush(self) -> None:
        if self._file is None:
            return
        try:
            self._file.writelines(self._pending)
            self._file.flush()
        except OSError as error:
            print(f"warning: '{self._file.name}' ends here: {error}", file=sys.stderr)
            self._file = None
        self._pending.clear()

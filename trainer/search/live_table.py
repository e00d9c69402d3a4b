"""A table below the lines of a terminal."""

import os
import shutil
import sys
from typing import TextIO

# Up by so many lines, to their beginning, and delete all below: ECMA-48's CPL and ED.
_ERASE = "\x1b[{lines}F\x1b[J"


class LiveTable:
    """Prints lines and keeps the latest table below them; without a terminal, the lines alone.

    Args:
        stream: standard output if None.
    """

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream or sys.stdout
        self.is_live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._table: list[str] = []
        self._drawn = 0

    def print(self, line: str) -> None:
        """Print a line above the table."""
        self._erase()
        self.stream.write(f"{line}\n")
        self._draw()

    def update(self, table: str) -> None:
        """Replace the table."""
        self._erase()
        self._table = table.splitlines()
        self._draw()

    def close(self) -> None:
        """Erase the table."""
        self.update("")

    def _erase(self) -> None:
        if self._drawn:
            self.stream.write(_ERASE.format(lines=self._drawn))
        self._drawn = 0

    def _draw(self) -> None:
        if self.is_live and self._table:
            width, height = shutil.get_terminal_size()
            # Longer lines would wrap and more lines scroll: neither could be erased.
            lines = ["", *self._table][: max(height - 2, 1)]
            self.stream.write("".join(f"{line[: width - 1]}\n" for line in lines))
            self._drawn = len(lines)
        self.stream.flush()

"""The lines of files that grow, are replaced, and may contain anything."""

import os
from collections.abc import Iterator
from pathlib import Path

from trainer.errors import InputError

MAX_LINE = 1 << 20
_BLOCK = 1 << 18


class LogFile:
    """Reads the lines that were added to a file since the last time.

    A file that was replaced or emptied, as logs are rotated, is read from its beginning.

    Args:
        path: the file.

    Attributes:
        too_long: the number of lines of more than `MAX_LINE` bytes, which are left out.
        line: the number of the last line that was read.
    """

    def __init__(self, path: Path):
        self.path, self.too_long, self.line = path, 0, 0
        self._inode, self._position = -1, 0
        self._rest, self._is_skipping = b"", False

    @property
    def has_incomplete_line(self) -> bool:
        """Return whether the file ends within a line, as while one is written."""
        return bool(self._rest) or self._is_skipping

    @property
    def incomplete_line(self) -> bytes:
        """Return what was read after the last line end; empty if it is too long."""
        return self._rest

    def read(self) -> Iterator[bytes]:
        """Yield the complete lines that are new.

        Raises:
            InputError: if the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                self._go_on(os.fstat(file.fileno()))
                file.seek(self._position)
                while block := file.read(_BLOCK):
                    self._position += len(block)
                    yield from self._split(block)
        except OSError as error:
            raise InputError(f"log: '{self.path}' cannot be read: {error.strerror}") from error

    def _go_on(self, status: os.stat_result) -> None:
        """Start again if the file is another one than the last time, or shorter."""
        if status.st_ino != self._inode or status.st_size < self._position:
            self._inode, self._position, self.line = status.st_ino, 0, 0
            self._rest, self._is_skipping = b"", False

    def _split(self, block: bytes) -> Iterator[bytes]:
        *lines, rest = (self._rest + block).split(b"\n")
        self._rest = b""
        for line in lines:
            self.line += 1
            if self._is_skipping or len(line) > MAX_LINE:
                self._is_skipping = False
                self.too_long += 1
            elif line.strip():
                yield line
        if len(rest) > MAX_LINE:
            self._is_skipping, rest = True, b""
        if not self._is_skipping:
            self._rest = rest

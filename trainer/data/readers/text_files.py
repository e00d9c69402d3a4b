"""Reading of text files, line by line, in any encoding, and of their gzip archives."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from trainer.errors import InputError

# Maximum length of a line in bytes, since readers hold at least one line in memory.
MAX_LINE = 1 << 24


def is_gzipped(path: Path) -> bool:
    """Return whether a file's name ends in `.gz`."""
    return path.suffix.lower() == ".gz"


def suffix_of(path: Path) -> str:
    """Return a file's suffix in lower case, of `a.csv.gz` that of `a.csv`."""
    return (path.with_suffix("") if is_gzipped(path) else path).suffix.lower()


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, decompressed if its name ends in `.gz`."""
    return cast(IO[bytes], gzip.open(path)) if is_gzipped(path) else path.open("rb")


def text_lines(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """Yield the lines of a text file with their line ends, without a byte order mark.

    Raises:
        InputError: for a line that is too long or contains bytes that are invalid in the encoding,
            with its number.
    """
    number = 0
    with open_bytes(path) as file:
        try:
            for number, line in enumerate(_decoded(file, encoding), start=1):
                if line is None:
                    raise InputError(
                        f"{path}, line {number}: is longer than {MAX_LINE:,} bytes; put every row "
                        f"on a line of its own, and shorten its texts"
                    )
                text = line.removeprefix("\ufeff") if number == 1 else line
                # A carriage return alone ends a line, too.
                yield from io.StringIO(text, newline="")
        except UnicodeError as error:
            kind, hint = suffix_of(path)[1:] or "text", ""
            if kind not in ("json", "jsonl"):
                hint = "; or set its encoding, such as windows-1252, with the task's 'encoding'"
            raise InputError(
                f"{path}, line {number + 1}: cannot be read as {kind}: {error}; save the file as "
                f"UTF-8, uncompressed{hint}"
            ) from error


def _decoded(file: IO[bytes], encoding: str) -> Iterator[str | None]:
    """Yield lines with their line ends, None for a line that is too long."""
    if "a\n".encode(encoding) == b"a\n":
        while line := file.readline(MAX_LINE + 1):
            yield line.decode(encoding) if len(line) <= MAX_LINE else None
    else:  # such as UTF-16, in which a line feed is more than one byte
        lines = io.TextIOWrapper(file, encoding=encoding, newline="")
        while text := lines.readline(MAX_LINE + 1):
            yield text if len(text) <= MAX_LINE else None

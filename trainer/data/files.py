"""The lines of text files in any encoding."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from trainer.errors import InputError

# Of a line, in bytes: a reader holds at least one of them in memory.
MAX_LINE = 1 << 24
# Kinds of tables of text, each with the separator that its name promises.
TABLES = {".csv": ",", ".tsv": "\t"}


def text_lines(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """The lines of a text file with their ends.

    Args:
        path: the file.
        encoding: as Python names it; a mark of the byte order at the beginning is left out.

    Raises:
        InputError: for a line that is too long, or bytes that are none of the encoding, with its
            number.
    """
    number = 0
    with path.open("rb") as file:
        try:
            for number, line in enumerate(_decoded(file, encoding), start=1):
                if line is None:
                    raise InputError(
                        f"{path}, line {number}: is longer than {MAX_LINE:,} bytes; give every row "
                        f"a line of its own, and shorten its texts"
                    )
                whole = line.removeprefix("\ufeff") if number == 1 else line
                # A carriage return alone ends a line, too.
                yield from io.StringIO(whole, newline="")
        except UnicodeError as error:
            hint = ""
            if path.suffix in TABLES:
                hint = "; or name its encoding, such as windows-1252, with the task's 'encoding'"
            raise InputError(
                f"{path}, line {number + 1}: cannot be read as {path.suffix[1:]}: {error}; save "
                f"the file as UTF-8, and unpacked{hint}"
            ) from error


def _decoded(file: IO[bytes], encoding: str) -> Iterator[str | None]:
    """Lines with their ends; None for one that is too long."""
    if "a\n".encode(encoding) == b"a\n":
        while line := file.readline(MAX_LINE + 1):
            yield line.decode(encoding) if len(line) <= MAX_LINE else None
    else:  # such as UTF-16, in which a line feed is more than one byte
        lines = io.TextIOWrapper(file, encoding=encoding, newline="")
        while text := lines.readline(MAX_LINE + 1):
            yield text if len(text) <= MAX_LINE else None

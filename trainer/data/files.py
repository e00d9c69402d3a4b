"""Files of anyone: their lines and tables, read and checked within bounds."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from trainer.errors import InputError

# Of a line, in bytes: a reader holds at least one of them in memory.
MAX_LINE = 1 << 24
# Of a parquet file's texts and numbers once they are unpacked, in bytes. A few kilobytes can
# unpack to more than any machine holds.
MAX_UNPACKED = 1 << 32
# Kinds of tables of text, each with the separator that its name promises.
TABLES = {".csv": ",", ".tsv": "\t"}
# Of brackets in JSON.
MAX_DEPTH = 100
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(r"[\[\]{}]")
_ROWS_AT_ONCE = 1 << 16


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


def json_lines(path: Path) -> Iterator[str]:
    """The lines of a json or jsonl file.

    Raises:
        InputError: for a line that is too long, is not UTF-8, or is so deeply nested that readers,
            which call themselves for each bracket, crash.
    """
    depth = 0
    for number, line in enumerate(text_lines(path), start=1):
        for bracket in _BRACKET.findall(_STRING.sub("", line)):
            depth += 1 if bracket in "[{" else -1
            if depth > MAX_DEPTH:
                raise InputError(
                    f"{path}, line {number}: more than {MAX_DEPTH} brackets inside one another; "
                    f"a row is an object of texts, numbers and lists"
                )
        yield line


def check_parquet(path: Path) -> None:
    """Make sure that a parquet file is no larger than memory once it is unpacked.

    Raises:
        InputError: if it is.
    """
    with parquet.ParquetFile(path) as file:
        names = [file.schema.column(i) for i in range(len(file.schema))]
        texts = [column.path for column in names if column.physical_type == "BYTE_ARRAY"]
        groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
        chunks = [group.column(i) for group in groups for i in range(len(names))]
        size = sum(8 * chunk.num_values + chunk.total_uncompressed_size for chunk in chunks)
    # A text that occurs a million times is stored once, and read here as it is stored.
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        batches = file.iter_batches(_ROWS_AT_ONCE, columns=texts)
        while size <= MAX_UNPACKED and (batch := next(batches, None)) is not None:
            size += sum(map(_size_of_texts, batch.columns))
    if size > MAX_UNPACKED:
        raise InputError(
            f"{path}: unpacks to more than {MAX_UNPACKED:,} bytes; split it, or leave out rows and "
            f"columns"
        )


def _size_of_texts(column: pa.Array) -> int:
    """What the texts of a column with a dictionary take without one, in bytes."""
    if pa.types.is_dictionary(column.type):
        sizes = compute.binary_length(column.dictionary).cast("int64")
        return compute.sum(sizes.take(column.indices)).as_py() or 0
    if pa.types.is_struct(column.type):
        return sum(map(_size_of_texts, column.flatten()))
    return _size_of_texts(column.flatten()) if pa.types.is_nested(column.type) else 0

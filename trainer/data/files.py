"""Files of anyone: their lines and tables, read and checked within bounds."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet
from datasets import Dataset, Features, Value, concatenate_datasets

from trainer.errors import InputError, listed

# Of a line, in bytes: a reader holds at least one of them in memory.
MAX_LINE = 1 << 24
# Of a parquet file's texts and numbers once they are unpacked, in bytes. A few kilobytes can
# unpack to more than any machine holds.
MAX_UNPACKED = 1 << 32
# Of brackets in JSON.
MAX_DEPTH = 100
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET = re.compile(r"[\[\]{}]")
_ROWS_AT_ONCE = 1 << 16


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a text file with their ends.

    Raises:
        InputError: for a line that is too long, or bytes that are not UTF-8, with its number.
    """
    with path.open("rb") as file:
        for number in range(1, 1 << 62):
            line = file.readline(MAX_LINE + 1)
            if not line:
                return
            if len(line) > MAX_LINE:
                raise InputError(
                    f"{path}, line {number}: is longer than {MAX_LINE:,} bytes; give every row a "
                    f"line of its own, and shorten its texts"
                )
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{path}, line {number}: cannot be read as {path.suffix[1:]}: {error}; save "
                    f"the file as UTF-8, and unpacked"
                ) from error
            # A carriage return alone ends a line, too.
            yield from io.StringIO(text, newline="")


def read_table(path: Path, separator: str) -> Dataset:
    """The rows of a csv or tsv file; every cell stays the text it is.

    'NA' and 'null' are words, and a label that is wrong can be shown.

    Raises:
        InputError: for an empty file, a column name that occurs twice, or a line with more or fewer
            cells than the header, with its number.
    """
    reader = csv.reader(text_lines(path), delimiter=separator, strict=True)
    try:
        header = _header(path, next(reader, []))
        rows = _rows(path, reader, header)
        parts = [Dataset.from_dict({name: [] for name in header}, _texts(header))]
        while block := list(islice(rows, _ROWS_AT_ONCE)):
            columns = dict(zip(header, map(list, zip(*block, strict=True)), strict=True))
            parts.append(Dataset.from_dict(columns, _texts(header)))
    except csv.Error as error:
        hint = ""
        if "field limit" in str(error):
            hint = "; shorten the cell, or look for a quote above it that is not closed"
        raise InputError(f"{path}, line {reader.line_num}: {error}{hint}") from error
    return concatenate_datasets(parts)


def _texts(header: list[str]) -> Features:
    return Features({name: Value("string") for name in header})


def _header(path: Path, names: list[str]) -> list[str]:
    if not names:
        raise InputError(f"{path}: the file is empty; it needs a header line and rows")
    # pandas writes row numbers into a column without a name.
    header = [name or f"Unnamed: {place}" for place, name in enumerate(names)]
    if any("\0" in name for name in header):
        raise InputError(
            f"{path}: a column name holds a NUL character: {listed(header)}; rename it"
        )
    if len(set(header)) != len(header):
        raise InputError(
            f"{path}: a column name occurs twice in the header: {listed(header)}; rename one"
        )
    return header


def _rows(path: Path, reader: Iterator[list[str]], header: list[str]) -> Iterator[list[str]]:
    for cells in reader:
        if cells and len(cells) != len(header):
            raise InputError(
                f"{path}, line {reader.line_num}: {len(cells)} cells under "  # type: ignore[attr-defined]
                f"{len(header)} column names ({listed(header)}); put quotes around a cell that "
                f"holds the separator"
            )
        if cells:
            yield cells


def check_json(path: Path) -> None:
    """Make sure that a json or jsonl file can be given to a reader, which takes all that it gets.

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

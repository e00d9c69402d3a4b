"""Reading of csv and tsv files, with all cells as text.

pandas and pyarrow fill short lines, take the first cells of long ones for row names, and know no
line numbers; the `csv` module of Python does none of this.
"""

import csv
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from trainer.data.readers.dialects import find_dialect, table_reader
from trainer.data.readers.options import ReadOptions
from trainer.errors import InputError, join_truncated

if TYPE_CHECKING:
    from _csv import Reader

_ROWS_AT_ONCE = 1 << 16


def read_table(path: Path, options: ReadOptions, columns: Collection[str] = ()) -> Dataset:
    """Return the rows of a csv or tsv file; the arguments and errors are those of `table_blocks`.

    Cells such as 'NA' and 'null' stay text.
    """
    return concatenate_datasets(list(table_blocks(path, options, columns)))


def table_blocks(
    path: Path,
    options: ReadOptions,
    columns: Collection[str] = (),
    start: int = 0,
    size: int = _ROWS_AT_ONCE,
) -> Iterator[Dataset]:
    """Yield blocks of the rows of a csv or tsv file; the last one is shorter, maybe empty.

    Args:
        path: the file.
        options: the configured part of the dialect; the rest is detected, and printed if ambiguous.
        columns: names of which some are in the header.
        start: the first row, counted from 0.
        size: rows of a block.

    Raises:
        InputError: for an empty file, a duplicate column name, or a line with more or fewer cells
            than the header, with its number.
    """
    separator, quoting, encoding = find_dialect(path, options, columns)
    reader = table_reader(path, separator, quoting, encoding)
    try:
        header = header_of(path, next(filter(None, reader), []))
        rows = _rows(path, reader, header, f"separator {separator!r}, quoting '{quoting}'")
        rows, count = islice(rows, start, None), size
        while count == size:
            block = list(islice(rows, size))
            count = len(block)
            cells = zip(*block, strict=True) if block else ([] for _ in header)
            texts = [pa.array(column, pa.string()) for column in cells]
            yield Dataset(pa.table(texts, names=header))
    except csv.Error as error:
        hint = "; fix the quotes, or set quoting: none for the task if they are part of the texts"
        if "field limit" in str(error):
            hint = "; shorten the cell, or look for a quote above it that is not closed"
        raise InputError(f"{path}, line {reader.line_num}: {error}{hint}") from error


def header_of(path: Path, names: list[str]) -> list[str]:
    """Return the names of a table's columns; columns without one are numbered.

    Raises:
        InputError: without names, or for a duplicate one.
    """
    if not names:
        raise InputError(f"{path}: the file is empty; it needs a header line and rows")
    # pandas writes row numbers into a column without a name.
    header = [name or f"Unnamed: {index}" for index, name in enumerate(names)]
    if any("\0" in name for name in header):
        raise InputError(
            f"{path}: a column name holds a NUL character: {join_truncated(header)}; rename it"
        )
    if len(set(header)) != len(header):
        raise InputError(
            f"{path}: a column name occurs twice in the header: {join_truncated(header)}; rename "
            "one"
        )
    return header


def _rows(path: Path, reader: "Reader", header: list[str], dialect: str) -> Iterator[list[str]]:
    for cells in reader:
        if cells and len(cells) != len(header):
            raise InputError(
                f"{path}, line {reader.line_num}: {len(cells)} cells under {len(header)} column "
                f"names ({join_truncated(header)}); put quotes around a cell that holds the "
                f"separator, or, if the file does not have {dialect}, set the options of "
                "these names"
            )
        if cells:
            yield cells

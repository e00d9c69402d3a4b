"""Reading of files in blocks of rows, with one block in memory at a time."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from datasets import Dataset

from trainer.data.readers.dialects import find_dialect
from trainer.data.readers.formats import format_of
from trainer.data.readers.json_rows import json_blocks
from trainer.data.readers.options import ReadOptions
from trainer.data.readers.parquet import parquet_blocks
from trainer.data.readers.rows import RawSplit, naming_damage
from trainer.data.readers.saved_datasets import read_saved_dataset
from trainer.data.readers.tables import table_blocks
from trainer.errors import InputError

BLOCK = 1024  # rows
_FORMATS = ("csv", "tsv", "jsonl", "json", "parquet")


class BlocksOfRows:
    """Rows on disk, mapped into memory, that are read a block at a time.

    Args:
        rows: the rows.
        location: their origin, for messages.
    """

    def __init__(self, rows: Dataset, location: str):
        self._rows, self.location = rows, location

    @property
    def key(self) -> str:
        """Return a key that other rows do not have."""
        return self._rows._fingerprint

    def read(self, start: int = 0) -> Iterator[RawSplit]:
        """Yield the rows from `start` on, counted from 0, in blocks."""
        for first in range(start, len(self._rows), BLOCK):
            block = self._rows.select(range(first, min(first + BLOCK, len(self._rows))))
            yield RawSplit(block, self.location, start=first)


class BlocksOfFile:
    """A file that is read a block of rows at a time.

    Args:
        path: the file.
        options: the configured part of its format and dialect.
        columns: names of columns of which some are in the file.

    Raises:
        InputError: for a format that is read as a whole.
    """

    def __init__(self, path: Path, options: ReadOptions, columns: Collection[str]):
        self.path, self.columns, self.location = path, columns, str(path)
        self.format = format_of(path, options)
        self._given = options
        if self.format not in _FORMATS:
            raise InputError(
                f"{path}: {self.format} files are read as a whole, and cannot be streamed; convert "
                f"them to {', '.join(_FORMATS)}, or unset the option 'streaming'"
            )

    @property
    def key(self) -> str:
        """Return the file's name and size."""
        return f"{self.path.name} {self.path.stat().st_size}"

    @cached_property
    def _options(self) -> ReadOptions:
        """Return the options with the dialect of a table, which is detected once."""
        if self.format not in ("csv", "tsv"):
            return self._given
        separator, quoting, encoding = find_dialect(self.path, self._given, self.columns)
        return replace(self._given, separator=separator, quoting=quoting, encoding=encoding)

    def read(self, start: int = 0) -> Iterator[RawSplit]:
        """Yield the rows from `start` on, counted from 0, in blocks.

        Raises:
            InputError: if the file is empty, damaged or of another format.
        """
        first = start
        with naming_damage(self.path, self.format):
            for block in self._blocks(start):
                if len(block):
                    yield RawSplit(block, self.location, start=first)
                first += len(block)
        if first == 0:
            raise InputError(f"{self.path}: the file has no rows")

    def _blocks(self, start: int) -> Iterator[Dataset]:
        if self.format == "parquet":
            return parquet_blocks(self.path, start, BLOCK)
        if self.format in ("csv", "tsv"):
            return table_blocks(self.path, self._options, self.columns, start, BLOCK)
        return json_blocks(self.path, start, BLOCK)


Blocks = BlocksOfRows | BlocksOfFile


def blocks_of(path: Path, options: ReadOptions, columns: Collection[str]) -> Blocks:
    """Return a file, or a folder saved by `datasets`, to be read in blocks.

    Raises:
        InputError: for a format that is read as a whole.
    """
    if path.is_dir():
        return BlocksOfRows(read_saved_dataset(path), str(path))
    return BlocksOfFile(path, options, columns)

"""Rows of a location: files, folders or a database."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from trainer.data.readers.arrow_columns import concatenate
from trainer.data.readers.databases import is_database, masked_url, read_database
from trainer.data.readers.formats import READERS, format_of
from trainer.data.readers.locations import Location, expand
from trainer.data.readers.options import ReadOptions
from trainer.data.readers.saved_datasets import read_saved_dataset
from trainer.errors import InputError, join_truncated


@dataclass
class RawSplit:
    """The rows of one split as loaded, and their origin, for messages.

    Attributes:
        rows: the rows.
        location: their file, database or Hub split.
        files: the files with their numbers of rows, if there are several.
        start: the number of rows before these in their file.
    """

    rows: Dataset
    location: str
    files: Sequence[tuple[Path, int]] = ()
    start: int = 0

    def __post_init__(self):
        self._ends = list(accumulate(count for _, count in self.files))

    def place(self, row: int) -> str:
        """Return the file and number of a row for a message; see `file_and_row`."""
        return "{}, row {}".format(*self.file_and_row(row))

    def file_and_row(self, row: int) -> tuple[str, int]:
        """Return the file of a row and its number, counted from 1 in each file.

        Args:
            row: the row, counted from 0 over all files.
        """
        if not self.files:
            return self.location, self.start + row + 1
        index = bisect_right(self._ends, row)
        path, count = self.files[index]
        return str(path), row + 1 - self._ends[index] + count


def read_rows(
    location: Location, options: ReadOptions | None = None, columns: Collection[str] = ()
) -> Dataset:
    """Return the rows of a location; the arguments and errors are those of `read_split`."""
    return read_split(location, options, columns).rows


def read_split(
    location: Location, options: ReadOptions | None = None, columns: Collection[str] = ()
) -> RawSplit:
    """Read files one after the other, or a database.

    Cells of csv and tsv files are text.

    Args:
        location: a file, a pattern, a folder, a list of these, or a database's URL with a table or
            query (`sqlite:///x.db?table=reviews`).
        options: the configured part of the files' format and dialect.
        columns: names of columns of which some are in the rows.

    Raises:
        InputError: if a file is missing, empty, damaged or of another format, or the files have
            different columns.
    """
    if isinstance(location, str) and is_database(location):
        return RawSplit(read_database(location), masked_url(location))
    options = options or ReadOptions()
    files = expand(location, options)
    parts = [_read_file(path, options, columns) for path in files]
    if len(files) == 1:
        return RawSplit(parts[0], str(files[0]))
    _check_columns(files, parts)
    counts = [(path, len(part)) for path, part in zip(files, parts, strict=True)]
    return RawSplit(_joined(parts), f"{files[0]} and {len(files) - 1} more", counts)


def _read_file(path: Path, options: ReadOptions, columns: Collection[str]) -> Dataset:
    """Return the rows of one file, or of a folder saved by `datasets`."""
    name = "a saved dataset" if path.is_dir() else format_of(path, options)
    with naming_damage(path, name):
        if path.is_dir():
            rows = read_saved_dataset(path)
        else:
            rows = READERS[name].read(path, options, columns)
        rows.data.table.validate(full=True)
    if len(rows) == 0:
        raise InputError(f"{path}: the file has no rows")
    return rows


@contextmanager
def naming_damage(path: Path, name: str) -> Iterator[None]:
    """Raise an `InputError` with a file and its format for any error in reading it."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the readers raise a dozen unrelated types for a damaged file
        cause = error.__cause__ or error
        if isinstance(cause, StopIteration) or "corresponds to no data" in str(cause):
            raise InputError(f"{path}: the file has no rows") from error
        text = str(cause)  # which may quote the whole file
        text = text if len(text) <= 500 else f"{text[:500]}…"
        raise InputError(f"{path}: cannot be read as {name}: {text}") from error


def _check_columns(files: Sequence[Path], parts: Sequence[Dataset]) -> None:
    """Check that all files have the columns of the first, in any order and with equal classes."""
    first = parts[0]
    for path, part in zip(files[1:], parts[1:], strict=True):
        if set(part.column_names) != set(first.column_names):
            raise InputError(
                f"{path}: its columns ({join_truncated(part.column_names)}) differ from those of "
                f"{files[0]} ({join_truncated(first.column_names)}); files of one split have the "
                "same columns"
            )
        for name, feature in first.features.items():
            names = [getattr(f, "names", None) for f in (feature, part.features[name])]
            if names[0] != names[1]:
                raise InputError(
                    f"{path}: the classes of column '{name}' differ from those of {files[0]}"
                )


def _joined(parts: Sequence[Dataset]) -> Dataset:
    parts = [part.with_format(None).select_columns(parts[0].column_names) for part in parts]
    if all(part.features == parts[0].features for part in parts):
        return concatenate_datasets(list(parts))
    tables = [part.with_format("arrow")[:] for part in parts]
    names = parts[0].column_names
    chunks = {name: [chunk for t in tables for chunk in t[name].chunks] for name in names}
    return Dataset(pa.table({name: concatenate(arrays) for name, arrays in chunks.items()}))

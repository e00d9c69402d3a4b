"""The rows to predict: files, databases and datasets, read block by block."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from datasets import Dataset, load_dataset

from trainer.data.cache import cache_folder
from trainer.data.readers import RawSplit, ReadOptions, read_split
from trainer.data.readers.blocks import BLOCK, BlocksOfFile, BlocksOfRows
from trainer.data.readers.databases import database_blocks, is_database, masked_url
from trainer.data.readers.formats import check_used, format_of
from trainer.data.readers.locations import expand
from trainer.data.readers.saved_datasets import is_saved_dict, read_saved_dataset
from trainer.data.readers.text_files import is_gzipped
from trainer.errors import InputError, join_truncated
from trainer.prediction.tables import Piece

# Formats whose files can be read without holding all of their rows.
_IN_BLOCKS = ("csv", "tsv", "jsonl", "parquet")


@dataclass(frozen=True)
class Inputs:
    """The names of the rows to predict.

    Attributes:
        locations: files, patterns, folders, folders saved by `datasets`, a database's URL, or, with
            a split, the name of a Hub dataset.
        read: the configured part of the files' format.
        names: columns of which some are in the rows, which help to detect a table's dialect.
        split: the split of a Hub dataset, or of a folder with several.
        config: the configuration of a Hub dataset.
    """

    locations: tuple[str, ...]
    read: ReadOptions = field(default_factory=ReadOptions)
    names: tuple[str, ...] = ()
    split: str | None = None
    config: str | None = None


class Source(Protocol):
    """The rows of one file, database or split."""

    @property
    def key(self) -> Any:
        """Return what changes with the rows, as JSON."""

    def blocks(self) -> Iterator[RawSplit]:
        """Yield the rows in order."""

    def count(self) -> int | None:
        """Return the number of rows, for tables about; None if it is unknown."""


class _File:
    def __init__(self, path: Path, read: ReadOptions, names: Collection[str]):
        self._path, self._blocks = path, BlocksOfFile(path, read, names)

    @property
    def key(self) -> Any:
        return _stamp(self._path)

    def blocks(self) -> Iterator[RawSplit]:
        return self._blocks.read()

    def count(self) -> int | None:
        if self._blocks.format == "parquet":
            from pyarrow.parquet import read_metadata

            return read_metadata(self._path).num_rows
        return None if is_gzipped(self._path) else _count_lines(self._path)


class _WholeFile:
    """A file of a format that is read at once, again for each pass over its rows."""

    def __init__(self, path: Path, read: ReadOptions, names: Collection[str]):
        self._path, self._read, self._names = path, read, names

    @property
    def key(self) -> Any:
        return _stamp(self._path)

    def blocks(self) -> Iterator[RawSplit]:
        split = read_split(self._path, self._read, self._names)
        return BlocksOfRows(split.rows, split.location).read()

    def count(self) -> int | None:
        return None


class _Database:
    def __init__(self, url: str):
        self._url = url

    @property
    def key(self) -> Any:
        return masked_url(self._url)

    def blocks(self) -> Iterator[RawSplit]:
        start, shown = 0, masked_url(self._url)
        for rows in database_blocks(self._url, 0, BLOCK):
            yield RawSplit(rows, shown, start=start)
            start += len(rows)
        if start == 0:
            raise InputError(f"{shown}: there are no rows")

    def count(self) -> int | None:
        return None


class _Dataset:
    """Rows that are mapped into memory."""

    def __init__(self, rows: Dataset, location: str):
        if len(rows) == 0:
            raise InputError(f"{location}: there are no rows")
        self._rows, self._location = rows, location

    @property
    def key(self) -> Any:
        return [self._location, len(self._rows), self._rows._fingerprint]

    def blocks(self) -> Iterator[RawSplit]:
        return BlocksOfRows(self._rows, self._location).read()

    def count(self) -> int | None:
        return len(self._rows)


def open_sources(inputs: Inputs) -> list[Source]:
    """Return the files, databases or splits of some inputs, in order.

    Formats that must be read as a whole are printed.

    Raises:
        InputError: if one is missing, or a Hub dataset cannot be loaded.
    """
    locations = inputs.locations
    if inputs.split is not None:
        return [_split(inputs, location) for location in locations]
    if len(locations) == 1 and is_database(locations[0]):
        check_used(inputs.read, [], "a database")
        return [_Database(locations[0])]
    files = expand(locations, inputs.read)
    check_used(inputs.read, files, f"'{files[0]}'")
    sources = [_of_file(path, inputs) for path in files]
    whole = [path for path, source in zip(files, sources, strict=True) if _is_whole(source)]
    if whole:
        print(
            f"{join_truncated([str(path) for path in whole])}: read as a whole, into memory; only "
            f"{', '.join(_IN_BLOCKS)} files are read in blocks",
            flush=True,
        )
    return sources


def _is_whole(source: Source) -> bool:
    return isinstance(source, _WholeFile)


def _of_file(path: Path, inputs: Inputs) -> Source:
    if path.is_dir():
        return _Dataset(read_saved_dataset(path), str(path))
    in_blocks = format_of(path, inputs.read) in _IN_BLOCKS
    return (_File if in_blocks else _WholeFile)(path, inputs.read, inputs.names)


def _split(inputs: Inputs, name: str) -> Source:
    """Return a split of a folder saved by `datasets`, or of a dataset of the Hub."""
    folder = Path(name).expanduser()
    if is_saved_dict(folder):
        return _Dataset(read_saved_dataset(folder / str(inputs.split)), f"{name}/{inputs.split}")
    if folder.exists() or is_database(name):
        raise InputError(
            f"split = '{inputs.split}': '{masked_url(name)}' has no splits; unset it, or name a "
            f"dataset of the Hub"
        )
    location = "/".join(filter(None, (name, inputs.config, inputs.split)))
    cache_folder()
    try:
        rows = load_dataset(name, inputs.config, split=inputs.split)
    except Exception as error:  # no network, no such dataset or split, a damaged file, ...
        reason = str(error).partition("\n")[0]
        raise InputError(f"cannot load '{location}' from the Hub: {reason}") from error
    return _Dataset(rows, location)


def read_pieces(source: Source) -> Iterator[Piece]:
    """Yield the rows of a source in pieces of at most `BLOCK` rows.

    Raises:
        InputError: if they cannot be read.
    """
    for block in source.blocks():
        yield Piece(block.location, block.start, block.rows.with_format("arrow")[:])


def first_schemas(sources: Sequence[Source]) -> list[tuple[str, pa.Schema]]:
    """Return the location of each source and the schema of its first rows.

    A column without a value there has the type text.

    Raises:
        InputError: if they cannot be read, or there are none.
    """
    found = []
    for source in sources:
        piece = next(read_pieces(source))
        types = [
            (name, pa.string() if pa.types.is_null(kind) else kind)
            for name, kind in zip(piece.table.column_names, piece.table.schema.types, strict=True)
        ]
        found.append((piece.location, pa.schema(types)))
    return found


def total_rows(sources: Sequence[Source]) -> int | None:
    """Return about how many rows there are; None if that is unknown."""
    counts = [source.count() for source in sources]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _stamp(path: Path) -> list[Any]:
    status = path.stat()
    return [str(path.absolute()), status.st_size, status.st_mtime_ns]


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))

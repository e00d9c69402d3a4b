"""Files of predictions: whole ones, and chunks that are joined to whole ones."""

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from trainer.data.readers.arrow_columns import values_of
from trainer.errors import InputError
from trainer.saving.files import atomic_file, finite

Write = Callable[[pa.Table], Any]
# Rows of a group in parquet files.
_GROUP = 1 << 16


@contextmanager
def open_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Yield a function that appends a table to a file, which appears when the block ends.

    Args:
        path: the file; its suffix is one of `WRITERS`.
        schema: of the tables.

    Raises:
        InputError: if the file cannot be written.
    """
    with atomic_file(path) as unfinished, WRITERS[path.suffix].write(unfinished, schema) as write:
        yield write


def write_chunk(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    """Write some rows of a file, to be joined with others by `join_chunks`.

    Args:
        path: the file, which appears when it is complete.
        tables: the rows; their columns have the names of the schema.
        schema: of the whole file.

    Raises:
        InputError: if the file cannot be written, or is parquet and values do not fit the schema.
    """
    with atomic_file(path) as unfinished:
        WRITERS[path.suffix].write_chunk(unfinished, tables, schema)


def join_chunks(paths: Sequence[Path], target: Path, schema: pa.Schema) -> None:
    """Write the rows of some chunks to one file, which appears when it is complete.

    Raises:
        InputError: if the file cannot be written.
    """
    with atomic_file(target) as unfinished:
        WRITERS[target.suffix].join(paths, unfinished, schema)


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes:
        write: yields a function that appends a table to a whole file.
        write_chunk: writes tables without what only a whole file has.
        join: writes the whole file of some chunks.
    """

    write: Callable[[Path, pa.Schema], AbstractContextManager[Write]]
    write_chunk: Callable[[Path, Iterable[pa.Table], pa.Schema], None]
    join: Callable[[Sequence[Path], Path, pa.Schema], None]


@contextmanager
def _csv_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Write a header and rows; a missing value is an empty cell, a list is JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(schema.names)
        yield lambda table: writer.writerows(_csv_rows(table))


def _csv_rows(table: pa.Table) -> Iterator[Iterable[Any]]:
    columns = [values_of(column) for column in table.columns]
    return (map(_cell, row) for row in zip(*columns, strict=True))


def _cell(value: Any) -> Any:
    return _json(value) if isinstance(value, (list, dict)) else value


def _csv_chunk(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for table in tables:
            writer.writerows(_csv_rows(table))


def _join_csv(paths: Sequence[Path], target: Path, schema: pa.Schema) -> None:
    with _csv_writer(target, schema):
        pass
    _append_bytes(paths, target)


def _append_bytes(paths: Sequence[Path], target: Path) -> None:
    with target.open("ab") as file:
        for path in paths:
            with path.open("rb") as chunk:
                shutil.copyfileobj(chunk, file)


@contextmanager
def _jsonl_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Write an object per line; non-finite numbers become null, dates become text."""
    with path.open("w", encoding="utf-8") as file:
        yield lambda table: file.writelines(f"{_json(row)}\n" for row in _objects(table))


def _objects(table: pa.Table) -> Iterator[dict[str, Any]]:
    columns = [values_of(column) for column in table.columns]
    return (dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True))


def _jsonl_chunk(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    with _jsonl_writer(path, schema) as write:
        for table in tables:
            write(table)


def _join_jsonl(paths: Sequence[Path], target: Path, schema: pa.Schema) -> None:
    _append_bytes(paths, target)


def _json(value: Any) -> str:
    return json.dumps(finite(value), ensure_ascii=False, allow_nan=False, default=str)


@contextmanager
def _parquet_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    from pyarrow.parquet import ParquetWriter

    with ParquetWriter(path, schema) as writer:
        yield writer.write_table


def _parquet_chunk(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    with _parquet_writer(path, schema) as write:
        for table in tables:
            write(_cast(table, schema))


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field, column in zip(schema, table.columns, strict=True):
        try:
            columns.append(column.cast(field.type))
        except pa.ArrowException as error:
            raise InputError(
                f"column '{field.name}' is {column.type} in some rows and {field.type} in the "
                f"first ones, and a parquet file has one type for all; write .jsonl or .csv"
            ) from error
    return pa.table(columns, schema=schema)


def _join_parquet(paths: Sequence[Path], target: Path, schema: pa.Schema) -> None:
    from pyarrow.parquet import read_table

    with _parquet_writer(target, schema) as write:
        tables: list[pa.Table] = []
        for path in paths:
            tables.append(read_table(path, partitioning=None))
            if sum(map(len, tables)) >= _GROUP:
                write(_cast(pa.concat_tables(tables), schema))
                tables = []
        if tables:
            write(_cast(pa.concat_tables(tables), schema))


# Suffix of a file -> its format.
WRITERS: dict[str, Format] = {
    ".csv": Format(_csv_writer, _csv_chunk, _join_csv),
    ".jsonl": Format(_jsonl_writer, _jsonl_chunk, _join_jsonl),
    ".parquet": Format(_parquet_writer, _parquet_chunk, _join_parquet),
}

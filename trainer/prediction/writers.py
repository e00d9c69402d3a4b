"""Files of predictions, written table by table."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from trainer.saving.files import atomic_file, finite

Write = Callable[[pa.Table], Any]


@contextmanager
def open_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Yield a function that appends a table to a file, which appears when the block ends.

    Args:
        path: the file; its suffix is one of `WRITERS`.
        schema: of the tables.

    Raises:
        InputError: if the file cannot be written.
    """
    with atomic_file(path) as unfinished, WRITERS[path.suffix](unfinished, schema) as write:
        yield write


@contextmanager
def _csv_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Write a header and rows; a missing value is an empty cell, a list is JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(schema.names)

        def write(table: pa.Table) -> None:
            columns = [column.to_pylist() for column in table.columns]
            writer.writerows(map(_cell, row) for row in zip(*columns, strict=True))

        yield write


def _cell(value: Any) -> Any:
    return _json(value) if isinstance(value, (list, dict)) else value


@contextmanager
def _jsonl_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Write an object per line; non-finite numbers become null, dates become text."""
    with path.open("w", encoding="utf-8") as file:
        yield lambda table: file.writelines(f"{_json(row)}\n" for row in table.to_pylist())


def _json(value: Any) -> str:
    return json.dumps(finite(value), ensure_ascii=False, allow_nan=False, default=str)


@contextmanager
def _parquet_writer(path: Path, schema: pa.Schema) -> Iterator[Write]:
    from pyarrow.parquet import ParquetWriter

    with ParquetWriter(path, schema) as writer:
        yield writer.write_table


# Suffix of a file -> its writer.
WRITERS: dict[str, Callable[[Path, pa.Schema], AbstractContextManager[Write]]] = {
    ".csv": _csv_writer,
    ".jsonl": _jsonl_writer,
    ".parquet": _parquet_writer,
}

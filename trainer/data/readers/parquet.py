"""Reading of parquet files."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, load_dataset

from trainer.data.cache import cache_folder


def read_parquet(path: Path) -> Dataset:
    """Return the rows of a parquet file, from the cache of `datasets`."""
    cache_folder()
    return load_dataset("parquet", data_files=str(path), split="train")


def parquet_blocks(path: Path, start: int, size: int) -> Iterator[Dataset]:
    """Yield blocks of the rows of a parquet file, read from it directly.

    Args:
        path: the file.
        start: the first row, counted from 0; groups of rows before it are not read.
        size: maximum rows of a block.
    """
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            skipped = min(start, file.metadata.row_group(group).num_rows)
            start -= skipped
            if skipped == file.metadata.row_group(group).num_rows:
                continue
            for batch in file.iter_batches(size, row_groups=[group]):
                rows = batch.slice(min(skipped, len(batch)))
                skipped -= len(batch) - len(rows)
                if len(rows):
                    yield Dataset(pa.Table.from_batches([rows]))

"""Reading of parquet files."""

from pathlib import Path

from datasets import Dataset, load_dataset

from trainer.data.cache import cache_folder


def read_parquet(path: Path) -> Dataset:
    """Return the rows of a parquet file, from the cache of `datasets`."""
    cache_folder()
    return load_dataset("parquet", data_files=str(path), split="train")

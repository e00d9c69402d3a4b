"""Readers of rows: files of several formats, databases, and tables in memory."""

from trainer.data.readers.frames import to_rows
from trainer.data.readers.locations import Location
from trainer.data.readers.options import ReadOptions
from trainer.data.readers.rows import RawSplit, read_rows, read_split

__all__ = ["Location", "RawSplit", "ReadOptions", "read_rows", "read_split", "to_rows"]

"""The rows of one task, read from files, checked and tokenized a block at a time."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import TaskConfig
from trainer.data.checked_split import CheckedSplit
from trainer.data.columns import check_split
from trainer.data.label_column import with_decimal
from trainer.data.readers import Location, RawSplit
from trainer.data.readers.blocks import Blocks, BlocksOfRows, blocks_of
from trainer.data.readers.databases import is_database, masked_url
from trainer.data.readers.locations import expand
from trainer.data.task_source import TaskSource
from trainer.data.tokens import encode, tokenize
from trainer.errors import InputError

SHUFFLE_BUFFER = 10_000  # rows


class StreamedRows:
    """The training rows of one task, of which a block is in memory at a time.

    Args:
        name: the task's name.
        task: its configuration.
        source: the names of columns, and the treatment of bad rows.
        files: the rows.
        tokenizer: the backbone's tokenizer.
        max_length: maximum tokens of a sequence, including special tokens.

    Attributes:
        sample: the first rows, tokenized.
        num_rows: the number of rows, about; None if it is not given.
        shuffle_buffer: the rows that are shuffled among each other.
        dropped: reason -> bad rows left out so far, since the object was made.

    Raises:
        InputError: if the first rows do not fit the task, naming file, row and value.
    """

    def __init__(
        self,
        name: str,
        task: TaskConfig,
        source: TaskSource,
        files: Sequence[Blocks],
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
    ):
        self.name, self.task, self.files = name, task, files
        self.tokenizer, self.max_length = tokenizer, max_length
        self.num_rows = source.train_rows
        self.shuffle_buffer = source.shuffle_buffer or SHUFFLE_BUFFER
        self.dropped: Counter[str] = Counter()
        rows = self._first_rows(source)
        self._label_feature = rows.features["label"]
        self.sample: Dataset = tokenize(f"{name} train", rows, task, tokenizer, max_length)

    def _first_rows(self, source: TaskSource) -> Dataset:
        """Return the rows of the first block that has good ones."""
        for block in chain.from_iterable(part.read() for part in self.files):
            # As the first rows have it: one without any comma has no decimal commas to recognize.
            self.source = with_decimal(self.task, source, block)
            split = check_split(self.name, self.task, self.source, block, may_be_empty=True)
            if len(split.rows):
                return split.rows
        raise InputError(
            f"{self.location}: no row is left for task '{self.name}' after dropping the bad ones"
        )

    @property
    def location(self) -> str:
        """Return the origin of the rows, for messages."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{self.files[0].location}{more}"

    @cached_property
    def fingerprint(self) -> str:
        """Return a key of the files' names and sizes, and of the first rows and their tokens."""
        keys = [self.sample._fingerprint, *(part.key for part in self.files)]
        return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]

    def read(
        self, order: Sequence[int], file: int = 0, row: int = 0
    ) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield the tokens of each row with the place after it: its file, and its number there.

        Args:
            order: indices of the files in the order in which they are read.
            file: the first file to read, as an index into `order`.
            row: the number of rows of this file to skip.

        Raises:
            InputError: for a bad row, naming file, row and value.
        """
        for place in range(file, len(order)):
            for block in self.files[order[place]].read(row if place == file else 0):
                split = check_split(self.name, self.task, self.source, block, may_be_empty=True)
                self._count_dropped(split)
                if len(split.rows) and split.rows.features["label"] != self._label_feature:
                    raise InputError(
                        f"{block.location}, from row {block.start + 1} on: the labels have another "
                        "form than those of the first rows: probabilities instead of classes, say"
                    )
                tokens = self._tokens(split.rows)
                absent = {dropped.row for dropped in split.dropped_rows}
                numbers = range(block.start + 1, block.start + len(block.rows) + 1)
                kept = (number for number in numbers if number not in absent)
                for number, *values in zip(kept, *tokens.values(), strict=True):
                    yield place, number, dict(zip(tokens, values, strict=True))

    def print_dropped(self) -> None:
        """Print how many bad rows were left out, if any were."""
        for reason, count in self.dropped.items():
            print(
                f"task '{self.name}': {count} rows dropped ({reason}) of those read since the "
                "start of this session",
                flush=True,
            )

    def _tokens(self, rows: Dataset) -> dict[str, list]:
        if not len(rows):
            return {"input_ids": []}
        return encode(rows[:], self.task, self.tokenizer, self.max_length)

    def _count_dropped(self, split: CheckedSplit) -> None:
        """Count dropped rows, and print the first one of each reason."""
        for row in split.dropped_rows:
            if row.reason not in self.dropped:
                print(
                    f"task '{self.name}': {row.location}, row {row.row} is dropped ({row.reason}); "
                    "further such rows are counted",
                    flush=True,
                )
            self.dropped[row.reason] += 1


def first_rows(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return task -> rows, of streamed ones the first."""
    return {
        name: rows.sample if isinstance(rows, StreamedRows) else rows
        for name, rows in tables.items()
    }


def stream_rows(
    name: str,
    task: TaskConfig,
    source: TaskSource,
    location: Location | RawSplit,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> StreamedRows:
    """Return the rows of files, or rows on disk, to be read while training.

    Args:
        name: the task's name.
        task: its configuration.
        source: the format of the files and the names of columns.
        location: files, as in `read_split`, or rows that are mapped into memory.
        tokenizer: the backbone's tokenizer.
        max_length: maximum tokens of a sequence, including special tokens.

    Raises:
        InputError: for a database, files of formats that are read as a whole, or first rows that
            do not fit the task.
    """
    files: list[Blocks]
    if isinstance(location, RawSplit):
        files = [BlocksOfRows(location.rows, location.location)]
    elif isinstance(location, str) and is_database(location):
        raise InputError(
            f"{masked_url(location)}: databases are read as a whole, and cannot be streamed; write "
            "the rows to files of csv, jsonl or parquet, or unset the option 'streaming'"
        )
    else:
        options, columns = source.read_options, source.column_names
        files = [blocks_of(path, options, columns) for path in expand(location, options)]
    return StreamedRows(name, task, source, files, tokenizer, max_length)

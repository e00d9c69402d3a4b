"""Batches of a stream of rows, shuffled window by window."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from trainer.data.batches import filled, split_into_batches
from trainer.data.streaming.rows import StreamedRows
from trainer.errors import InputError


@dataclass(frozen=True)
class _Start:
    """Where a window starts.

    Attributes:
        batch: the number of its first batch, over all passes.
        passes: finished passes over the rows.
        window: its number in the pass.
        file: the file of its first row, by its place in the order of the pass.
        row: the rows of this file before it.
    """

    batch: int = 0
    passes: int = 0
    window: int = 0
    file: int = 0
    row: int = 0


class StreamedBatches:
    """The endless sequence of a streamed task's batches, on one rank.

    The rows are divided into windows of `shuffle_buffer` rows in the order of the stream; a window
    is shuffled and sorted by length as a table is. Its batches depend only on the seed and on where
    it starts, so this is the state in a checkpoint, and a resumed run reads no earlier window.
    Every rank reads all rows.

    Args:
        rows: the rows.
        batch_size: rows per batch over all ranks.
        seed: seed of the shuffles of files and rows.
        length_window, drop_last: as of `TaskStream`.
        rank: the rank of this process.
        world_size: the number of processes.
    """

    def __init__(
        self,
        rows: StreamedRows,
        batch_size: int,
        seed: Sequence[int],
        length_window: int = 0,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ):
        self.rows, self.batch_size, self.seed = rows, batch_size, list(seed)
        self.length_window, self.drop_last = length_window, drop_last
        self.rank, self.world_size = rank, world_size
        # Of whole batches, so that only the last window of a pass has a short one.
        self._size = max(1, rows.shuffle_buffer // batch_size) * batch_size
        self._move(_Start())

    @property
    def num_rows(self) -> int | None:
        """Return the number of rows, about, if it is given."""
        return self.rows.num_rows

    @property
    def batches_per_pass(self) -> int | None:
        """Return the number of batches of a pass, about, if the number of rows is given."""
        return None if self.num_rows is None else -(-self.num_rows // self.batch_size)

    def share(self, number: int, rank: int, world_size: int) -> tuple[list[int], float]:
        """Return the index of a batch's rows, its number, and the factor of its mean loss, 1."""
        return [number], 1.0

    def __getitem__(self, numbers: list[int]) -> dict[str, list]:
        """Return column -> this rank's rows of one batch.

        Raises:
            InputError: for a bad row, or if no row is left.
        """
        (number,) = numbers
        batch = filled(self._batch(number), self.world_size)
        rows = [self._window[i] for i in batch[self.rank :: self.world_size]]
        return {column: [row[column] for row in rows] for column in rows[0]}

    def state_dict(self) -> dict[str, int]:
        """Return where the window of the last batch starts."""
        return asdict(self._start)

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue from a window."""
        self._move(_Start(**state))

    def _move(self, start: _Start) -> None:
        self._start = start
        self._reader: Iterator[tuple[int, int, dict[str, Any]]] | None = None
        self._window: list[dict[str, Any]] = []
        self._batches: list[np.ndarray] | None = None

    def _batch(self, number: int) -> np.ndarray:
        if number < self._start.batch:
            self._move(_Start())
        batches = self._read() if self._batches is None else self._batches
        while number >= self._start.batch + len(batches):
            self._advance(len(batches))
            batches = self._read()
        return batches[number - self._start.batch]

    def _advance(self, batches: int) -> None:
        """Go to the next window, in the next pass after a short one."""
        first = self._start.batch + batches
        if len(self._window) < self._size:
            self._move(_Start(first, self._start.passes + 1))
        else:
            file, row = self._end
            window = self._start.window + 1
            self._start = replace(self._start, batch=first, window=window, file=file, row=row)

    def _read(self) -> list[np.ndarray]:
        """Read the window at the start, and return its batches."""
        start = self._start
        if self._reader is None:
            order = np.random.default_rng([*self.seed, start.passes])
            files = order.permutation(len(self.rows.files)).tolist()
            self._reader = self.rows.read(files, start.file, start.row)
        self._window = []
        for file, row, tokens in islice(self._reader, self._size):
            self._window.append(tokens)
            self._end = file, row
        if not self._window and start.window == 0:
            raise InputError(
                f"task '{self.rows.name}': no row is left in {self.rows.location} after dropping "
                f"{dict(self.rows.dropped)}; did the files change during training?"
            )
        self._batches = self._shuffle()
        return self._batches

    def _shuffle(self) -> list[np.ndarray]:
        start, count = self._start, len(self._window)
        # Not window 0: numpy's generators of a seed and of the seed with a 0 after it are equal.
        random = np.random.default_rng([*self.seed, start.passes, start.window + 1])
        lengths = np.array([row["length"] for row in self._window])
        order = random.permutation(count)
        batches = split_into_batches(order, lengths, self.batch_size, self.length_window, random)
        is_only_one = start.window == 0 and len(batches) == 1
        if self.drop_last and count % self.batch_size and not is_only_one:
            batches.pop()
        return batches

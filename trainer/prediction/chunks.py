"""Chunks of rows: the units that are predicted, written and recorded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trainer.prediction.sources import Source, read_pieces
from trainer.prediction.tables import Piece

# Rows that are sorted by length for their batches, and written at once.
CHUNK = 4096


@dataclass(frozen=True)
class Chunk:
    """Some consecutive rows of the input.

    Attributes:
        number: counted from 0.
        pieces: the rows.
    """

    number: int
    pieces: list[Piece]

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return sum(len(piece.table) for piece in self.pieces)


@dataclass(frozen=True)
class Division:
    """How the rows of the input are divided into chunks, and these into parts.

    Attributes:
        rows_per_part: rows of an output file; None for a single file.
    """

    rows_per_part: int | None

    def size(self, number: int) -> int:
        """Return the number of rows of a chunk, unless the input ends in it."""
        if self.rows_per_part is None:
            return CHUNK
        left = self.rows_per_part - number % self._chunks_per_part * CHUNK
        return min(CHUNK, left)

    def part_of(self, number: int) -> int:
        """Return the part of a chunk, counted from 0."""
        return 0 if self.rows_per_part is None else number // self._chunks_per_part

    @property
    def _chunks_per_part(self) -> int:
        return -(-(self.rows_per_part or 0) // CHUNK)


def read_chunks(sources: Iterable[Source], division: Division) -> Iterator[Chunk]:
    """Yield the rows of all sources in chunks.

    Raises:
        InputError: if they cannot be read.
    """
    number, pieces, count = 0, [], 0
    for source in sources:
        for piece in read_pieces(source):
            start = 0
            while start < len(piece.table):
                size = min(division.size(number) - count, len(piece.table) - start)
                rows = piece.table.slice(start, size)
                pieces.append(Piece(piece.location, piece.start + start, rows))
                start, count = start + size, count + size
                if count == division.size(number):
                    yield Chunk(number, pieces)
                    number, pieces, count = number + 1, [], 0
    if pieces:
        yield Chunk(number, pieces)

"""Chunks of rows on their way to another process."""

import pyarrow as pa

from trainer.prediction.chunks import Chunk
from trainer.prediction.tables import Piece

# The number of a chunk, and of each piece its location, its first row and its rows.
PackedChunk = tuple[int, list[tuple[str, int, bytes]]]


def pack(chunk: Chunk) -> PackedChunk:
    """Return a chunk without the rows around it, which share its memory."""
    pieces = []
    for piece in chunk.pieces:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, piece.table.schema) as stream:
            stream.write_table(piece.table)
        pieces.append((piece.location, piece.start, sink.getvalue().to_pybytes()))
    return chunk.number, pieces


def unpack(packed: PackedChunk) -> Chunk:
    """Return the chunk."""
    number, pieces = packed
    tables = [(place, start, pa.ipc.open_stream(rows).read_all()) for place, start, rows in pieces]
    return Chunk(number, [Piece(*piece) for piece in tables])

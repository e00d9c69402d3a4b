"""The division of rows into chunks and parts."""

import pytest

from tests.prediction.test_sources import IDS, open_all, write
from trainer.prediction.chunks import Division, read_chunks


@pytest.mark.parametrize(
    "rows_per_part, sizes, parts",
    [
        (None, [1000, 1000, 1000, 500], [0, 0, 0, 0]),
        (1000, [1000, 1000, 1000, 500], [0, 1, 2, 3]),
        (1500, [1000, 500, 1000, 500, 500], [0, 0, 1, 1, 2]),
        (700, [700, 700, 700, 700, 700], [0, 1, 2, 3, 4]),
        (9000, [1000, 1000, 1000, 500], [0, 0, 0, 0]),
    ],
)
def test_chunks_end_with_parts_and_cross_files(tmp_path, monkeypatch, rows_per_part, sizes, parts):
    monkeypatch.setattr("trainer.prediction.chunks.CHUNK", 1000)
    sources = open_all(write(tmp_path / "a.csv"), write(tmp_path / "b.parquet", 1000))
    division = Division(rows_per_part)
    chunks = list(read_chunks(sources, division))
    assert [chunk.rows for chunk in chunks] == sizes
    assert [chunk.number for chunk in chunks] == list(range(len(sizes)))
    assert [division.part_of(chunk.number) for chunk in chunks] == parts
    pieces = [piece for chunk in chunks for piece in chunk.pieces]
    places = [
        (p.location[-1], p.start + i + 1) for p in pieces for i in range(len(p.table))
    ]  # csv ends in v, parquet in t
    assert places == [*(("v", i + 1) for i in IDS), *(("t", i + 1) for i in range(1000))]
    texts = [text for piece in pieces for text in piece.table["text"].to_pylist()]
    assert texts == [f"text {i}" for i in [*IDS, *range(1000)]]

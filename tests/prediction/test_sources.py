"""Rows of every kind of source, in blocks."""

import json
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict

from trainer.data.readers import ReadOptions
from trainer.errors import InputError
from trainer.prediction.sources import (
    Inputs,
    first_schemas,
    open_sources,
    read_pieces,
    total_rows,
)

IDS = list(range(2500))
TEXTS = [f"text {i}" for i in IDS]
TABLE = pa.table({"id": IDS, "text": TEXTS})


def write(path, count=2500):
    table = TABLE.slice(0, count)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=700)
    elif path.suffix == ".csv":
        lines = [f"{i},text {i}" for i in range(count)]
        path.write_text("\n".join(["id,text", *lines]) + "\n")
    elif path.suffix == ".xlsx":
        table.to_pandas().to_excel(path, index=False)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    return path


def texts_of(sources):
    pieces = [piece for source in sources for piece in read_pieces(source)]
    assert max(len(piece.table) for piece in pieces) <= 1024
    return [text for piece in pieces for text in piece.table["text"].to_pylist()]


def open_all(*locations, **options):
    return open_sources(Inputs(tuple(map(str, locations)), **options))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "json"])
def test_files_are_read_in_order(tmp_path, suffix, capsys):
    path = write(tmp_path / f"rows.{suffix}")
    sources = open_all(path)
    assert texts_of(sources) == TEXTS
    is_whole = "read as a whole, into memory" in capsys.readouterr().out
    assert is_whole == (suffix == "json")
    places = [(piece.location, piece.start) for piece in read_pieces(sources[0])]
    starts = [0, *range(700, 2500, 700)] if suffix == "parquet" else [0, 1024, 2048]
    assert places == [(str(path), start) for start in starts]


def test_patterns_and_folders_are_read_in_natural_order(tmp_path):
    for name in ("b-10.csv", "b-2.csv"):
        write(tmp_path / name, 3)
    (tmp_path / "b-2.csv").write_text("id,text\n1,first\n")
    for location in (tmp_path, tmp_path / "b-*.csv"):
        assert texts_of(open_all(location)) == ["first", *TEXTS[:3]]
    with pytest.raises(InputError, match="is named twice"):
        open_all(tmp_path / "b-2.csv", tmp_path / "*.csv")


def test_a_database_is_read_in_blocks(tmp_path):
    pytest.importorskip("sqlalchemy")
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO rows VALUES (?, ?)", zip(IDS, TEXTS, strict=True))
        connection.execute("CREATE TABLE empty (text TEXT)")
    connection.close()
    url = f"sqlite:///{tmp_path / 'rows.db'}"
    sources = open_all(f"{url}?table=rows")
    assert texts_of(sources) == TEXTS and total_rows(sources) is None
    assert texts_of(open_all(f"{url}?query=SELECT text FROM rows WHERE id < 2")) == TEXTS[:2]
    with pytest.raises(InputError, match="there are no rows"):
        first_schemas(open_all(f"{url}?table=empty"))


def test_saved_datasets_and_their_splits(tmp_path, monkeypatch):
    rows = Dataset.from_dict({"text": TEXTS})
    rows.save_to_disk(tmp_path / "one")
    DatasetDict({"train": rows.select(range(2)), "test": rows}).save_to_disk(tmp_path / "two")
    assert texts_of(open_all(tmp_path / "one")) == TEXTS
    assert texts_of(open_all(tmp_path / "two", split="train")) == TEXTS[:2]
    with pytest.raises(InputError, match="holds the splits test, train"):
        open_all(tmp_path / "two")
    with pytest.raises(InputError, match="split = 'train': .* has no splits"):
        open_all(tmp_path / "one", split="train")
    asked = []
    monkeypatch.setattr(
        "trainer.prediction.sources.load_dataset",
        lambda *names, **options: asked.append((names, options)) or rows,
    )
    sources = open_all("me/reviews", split="test", config="en")
    assert texts_of(sources) == TEXTS and total_rows(sources) == len(TEXTS)
    assert asked == [(("me/reviews", "en"), {"split": "test"})]


def test_a_hub_dataset_that_cannot_be_loaded_is_one_line(monkeypatch):
    def fail(*names, **options):
        raise ConnectionError("no network\nand much more")

    monkeypatch.setattr("trainer.prediction.sources.load_dataset", fail)
    with pytest.raises(InputError, match="cannot load 'me/reviews/test' from the Hub: no network$"):
        open_all("me/reviews", split="test")


def test_the_number_of_rows_is_about_that_of_lines_or_exact(tmp_path):
    csv, parquet = write(tmp_path / "a.csv"), write(tmp_path / "b.parquet")
    assert total_rows(open_all(parquet)) == 2500
    assert total_rows(open_all(csv, parquet)) == 5001
    assert total_rows(open_all(csv, write(tmp_path / "c.json"))) is None


def test_keys_change_with_the_rows(tmp_path):
    path = write(tmp_path / "a.csv")
    before = open_all(path)[0].key
    assert open_all(path)[0].key == before
    path.write_text(path.read_text() + "9,more\n")
    assert open_all(path)[0].key != before


def test_a_column_without_values_is_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": null, "text": "a"}\n')
    ((_, schema),) = first_schemas(open_all(path))
    assert schema.field("id").type == pa.string()


def test_options_that_no_file_uses_are_refused(tmp_path):
    path = write(tmp_path / "a.jsonl", 2)
    with pytest.raises(InputError, match="option 'separator' is for csv, tsv"):
        open_all(path, read=ReadOptions(separator=";"))

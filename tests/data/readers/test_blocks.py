"""Files read in blocks have the rows that they have when read as a whole."""

import gzip
import json

import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from trainer.data.readers import ReadOptions, read_rows
from trainer.data.readers import blocks as blocks_module
from trainer.data.readers.blocks import BlocksOfRows, blocks_of
from trainer.errors import InputError

ROWS = {"text": [f"text, {i}" for i in range(10)], "label": [i / 2 for i in range(10)]}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(blocks_module, "BLOCK", 4)


def write(path):
    rows = Dataset.from_dict(ROWS)
    if path.suffix == ".parquet":
        pq.write_table(rows.data.table, path, row_group_size=3)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == "":
        rows.save_to_disk(path)
    else:
        lines = [f"{row['text']};{row['label']}\n" for row in rows]
        text = "".join(["text;label\n", *lines]).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.parquet", "saved"])
@pytest.mark.parametrize("start", [0, 3, 4, 7, 10])
def test_blocks_are_the_rows_from_any_row_on(tmp_path, name, start):
    path = write(tmp_path / name)
    parts = list(blocks_of(path, ReadOptions(), ["text"]).read(start))
    rows = [row for part in parts for row in part.rows]
    assert rows == list(read_rows(path, columns=["text"]))[start:]
    assert all(len(part.rows) <= 4 for part in parts)
    firsts = [part.place(0) for part in parts]
    counts = [sum(len(p.rows) for p in parts[:i]) for i in range(len(parts))]
    assert firsts == [f"{path}, row {start + count + 1}" for count in counts]


def test_blocks_of_json_have_the_columns_of_the_first(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(['{"text": "a", "label": 1}'] + ['{"text": "b"}'] * 8))
    parts = list(blocks_of(path, ReadOptions(), []).read(2))
    assert [part.rows.column_names for part in parts] == [["text", "label"]] * 2
    assert [value for part in parts for value in part.rows["label"][:]] == [None] * 7


def test_a_dialect_is_reported_once_for_all_passes(tmp_path, capfd):
    blocks = blocks_of(write(tmp_path / "a.csv"), ReadOptions(), ["text"])
    for _ in range(2):
        assert len(list(blocks.read())) == 3
    assert capfd.readouterr().out.count("semicolons") == 1


def test_rows_on_disk_are_read_in_blocks():
    parts = list(BlocksOfRows(Dataset.from_dict(ROWS), "glue/train").read(5))
    assert [part.place(0) for part in parts] == ["glue/train, row 6", "glue/train, row 10"]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.xlsx", "", "xlsx files are read as a whole"),
        ("a.conll", "", "conll files are read as a whole"),
        ("a.json", '\n[{"text": "a"}]', "holds one list"),
        ("a.csv", "text,label\n", "has no rows"),
        ("a.jsonl", "", "has no rows"),
        ("a.parquet", "no", "cannot be read as parquet"),
        ("a.csv", "text,label\na,1\nb\n", "line 3: 1 cells"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, error):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=error) as caught:
        list(blocks_of(path, ReadOptions(), ["text"]).read())
    assert str(path) in str(caught.value)

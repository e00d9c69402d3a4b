"""Files of predictions."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainer.errors import InputError
from trainer.prediction.writers import open_writer

COLUMNS = {"id": pa.int64(), "label": pa.string(), "score": pa.float64()}
SCHEMA = pa.schema({**COLUMNS, "tags": pa.list_(pa.string())})
ROWS = [
    {"id": 1, "label": 'très "bon", oui', "score": 0.5, "tags": ["O", "B"]},
    {"id": 2, "label": None, "score": None, "tags": None},
]


def write(path):
    with open_writer(path, SCHEMA) as append:
        for row in ROWS:
            append(pa.Table.from_pylist([row], SCHEMA))


def test_csv(tmp_path):
    write(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    first = ["1", 'très "bon", oui', "0.5", '["O", "B"]']
    assert rows == [["id", "label", "score", "tags"], first, ["2", "", "", ""]]


def test_jsonl(tmp_path):
    write(tmp_path / "a.jsonl")
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").open()] == ROWS


def test_parquet(tmp_path):
    write(tmp_path / "a.parquet")
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == ROWS


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_an_error_leaves_nothing_behind(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(InputError, match="the rows end"), open_writer(path, SCHEMA) as append:
        append(pa.Table.from_pylist(ROWS, SCHEMA))
        raise InputError("the rows end")
    assert not list(tmp_path.iterdir())

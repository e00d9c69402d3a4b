"""Every example of docs/data.md reads small files of the shape that it describes."""

import gzip
import sqlite3
from itertools import filterfalse

import pandas as pd
import pytest
import yaml
from datasets import Dataset

from tests.docs_blocks import blocks
from tests.toys import toy_data, toy_model, toy_tokenizer
from trainer.config.parser import parse
from trainer.config.tasks import read_tasks
from trainer.data import StreamedBatches
from trainer.loading.shared_tables import group_by_table
from trainer.loading.task_splits import load_table
from trainer.runs.predict import predict
from trainer.runs.submissions import read_submissions
from trainer.saving.model_folder import write_model

DOCUMENT = "data.md"
TICKETS = "message,topic\nIt came late.,delivery\n" + '"Too dear, and broken.",price\n'
LABELED = TICKETS.replace("message,topic", "text,label")
GERMAN = "text;label\nSchön; wirklich;4,5\n".replace("Schön; wirklich", '"Schön; wirklich"')
NEWS = "-DOCSTART- -X- O\n\nAcme NNP B-ORG\nInc NNP I-ORG\nagrees VBZ O\n\nFine JJ O\n"
CARD = """---
configs:
- config_name: stsb
  data_files: [{split: train, path: stsb/train-*}, {split: validation, path: stsb/val*}]
---
"""
TABLE_MODEL = {
    "topic": {"kind": "classification", "labels": ["delivery", "price", "quality"]},
    "similarity": {"kind": "similarity", "input": "pair", "score_range": [0, 5]},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    for name in ("parts", "checks", "new", "copies/glue/stsb"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "new/tickets.csv").write_text("id,message\na7,w1 w2\nb3,w4\n")
    for name in ("tickets.csv", "tickets_check.csv"):
        (tmp_path / name).write_text(TICKETS)
    topics = ["delivery", "price", "quality", "price"]
    rows = [f"Ticket {i}.,{topics[i % 4]},{'' if i == 3 else i % 3 + 1},0.5" for i in range(20)]
    (tmp_path / "desk.csv").write_text("\n".join(["message,topic,urgency,trust", *rows]))
    for i in (2, 10):
        (tmp_path / f"parts/part-{i}.csv.gz").write_bytes(gzip.compress(LABELED.encode()))
    (tmp_path / "more_tickets.jsonl").write_text('{"text": "Broken.", "label": "quality"}\n')
    (tmp_path / "checks/a.tsv").write_text("\ttext\tlabel\n0\tLate, again.\tdelivery\n")
    moods = {"text": ["Late.", "Fine."], "label": ["neg", "pos"]}
    Dataset.from_dict(moods).to_parquet(tmp_path / "moods.parquet")
    (tmp_path / "bewertungen.csv").write_text(GERMAN, encoding="windows-1252")
    (tmp_path / "news.conll").write_text(NEWS)
    (tmp_path / "copies/glue/README.md").write_text(CARD)
    pairs = Dataset.from_dict({"text": ["a"], "text_pair": ["b"], "label": [2.5]})
    for name in ("train-00000-of-00001", "validation"):
        pairs.to_parquet(tmp_path / f"copies/glue/stsb/{name}.parquet")
    with sqlite3.connect(tmp_path / "tickets.db") as connection:
        connection.execute("CREATE TABLE tickets (id INTEGER PRIMARY KEY, text, label)")
        rows = [(i, "Late.", "delivery") for i in range(1, 6)]
        connection.executemany("INSERT INTO tickets VALUES (?, ?, ?)", rows)
    connection.close()
    return tmp_path


def write_workbook(path):
    pytest.importorskip("openpyxl")
    with pd.ExcelWriter(path) as book:
        for sheet in ("december", "january"):
            pd.DataFrame({"text": ["Late."], "label": ["delivery"]}).to_excel(
                book, sheet_name=sheet
            )


def is_prediction(block):
    return "mode: predict" in block


def is_stream(block):
    return "streaming" in block


def is_another(block):
    return is_prediction(block) or is_stream(block)


@pytest.mark.parametrize("block", [*filterfalse(is_another, blocks(DOCUMENT, "yaml"))])
def test_the_rows_of_every_configuration_are_read(folder, block):
    if ".xlsx" in block:
        write_workbook(folder / "tickets.xlsx")
    if "sqlite" in block:
        pytest.importorskip("sqlalchemy")
    (table,) = group_by_table(read_tasks(yaml.safe_load(block)["tasks"]), "train", None)
    parts = ["train", "validation"]
    splits = load_table(table, parts, None, seed=0)
    counts = [len(splits[name][part].rows) for part in parts for name in table]
    assert min(counts) > 0
    if "urgency" in block:
        assert counts == [19, 19, 1, 1]
    if "parts" in block:
        assert counts == [5, 1]
    if "query" in block:
        assert counts == [5, 2]


def test_the_configuration_of_predictions_writes_its_columns(folder):
    (block,) = filter(is_prediction, blocks(DOCUMENT, "yaml"))
    write_model(toy_model(TABLE_MODEL), toy_tokenizer(), folder / "runs/topics")
    (folder / "submit.yaml").write_text(block)
    target = predict(parse(["submit.yaml", "--use_cpu", "true"]))
    assert str(target) == "runs/submission.csv"
    header, *lines = target.read_text().splitlines()
    assert header == "id,Predicted_Topic"
    assert [line.split(",")[0] for line in lines] == ["a7", "b3"]
    assert all(line.split(",")[1] in "012" for line in lines)


def test_the_streamed_rows_of_the_configuration_are_read(folder):
    (block,) = filter(is_stream, blocks(DOCUMENT, "yaml"))
    (folder / "stream.yaml").write_text(block)
    data = toy_data(parse(["stream.yaml", "--use_cpu", "true", "--output_dir", "out"]))
    stream = StreamedBatches(data.train["topic"], 4, [0, 0])
    assert sorted(stream[[0]]["labels"]) == [0, 0, 1, 1]
    assert len(data.validation["topic"]) == 1


def test_the_configuration_of_a_submission_finds_its_test_rows(folder):
    (block,) = [block for block in blocks(DOCUMENT, "yaml") if "submission:" in block]
    (folder / "topics.yaml").write_text(block)
    submission = read_submissions(parse(["topics.yaml", "--use_cpu", "true"]))["topic"]
    assert submission.raw.rows["id"][:] == ["a7", "b3"] and submission.texts == {"text": "message"}


def test_the_calls_in_python_run(folder):
    pytest.importorskip("sqlalchemy")
    names = {"model": toy_model(TABLE_MODEL), "tokenizer": toy_tokenizer()}
    for block in blocks(DOCUMENT, "python"):
        exec(block, names)
    assert names["train"]["topic"]["labels"][:] == [0, 1]
    assert names["train"]["similarity"]["labels"][:] == pytest.approx([4.2])
    assert names["rows"].column_names == ["message", "topic"]


def test_the_page_lists_every_suffix():
    from tests.docs_blocks import ROOT
    from trainer.data.readers.formats import SUFFIXES

    page = (ROOT / "docs" / DOCUMENT).read_text()
    assert [suffix for suffix in SUFFIXES if f"`{suffix}`" not in page] == []

"""Workbooks: every cell as it stands, one sheet, no row numbers and dates made up."""

import datetime
import re

import pytest

from modeling_hybrid_mtl import TaskConfig
from trainer.data import ReadOptions, TaskSource, check_split, load_split, read_rows
from trainer.errors import InputError

openpyxl = pytest.importorskip("openpyxl")


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def write(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_cells_keep_their_type_and_empty_ones_are_null(tmp_path, capsys):
    day = datetime.datetime(2024, 2, 1)
    rows = [
        (None, "text", "label", "stars", "when"),
        (0, "NA", "good", 4.5, day),
        (1, "007", None, 3, None),
        (None, None, None, None, None),
        (2, "a - b", "bad", None, day),
    ]
    path = write(tmp_path / "a.xlsx", data=rows)
    assert read_rows(path).to_dict() == {
        "Unnamed: 0": [0, 1, 2],
        "text": ["NA", "007", "a - b"],
        "label": ["good", None, "bad"],
        "stars": [4.5, 3.0, None],
        "when": ["2024-02-01 00:00:00", None, "2024-02-01 00:00:00"],
    }
    assert not capsys.readouterr().out


def test_a_workbook_is_the_data_of_a_task(tmp_path):
    path = write(tmp_path / "a.xlsx", data=[("review", "stars"), ("a", 3), ("b", 4.5)])
    source = TaskSource(train_file=str(path), columns={"text": "review", "label": "stars"})
    stars = TaskConfig("regression", score_range=[1, 5])
    rows = check_split("stars", stars, source, load_split("stars", source, "train", None)).rows
    assert rows.to_dict() == {"text": ["a", "b"], "label": [3.0, 4.5]}


def test_a_sheet_is_named_or_the_first_one_is_said(tmp_path, capsys):
    path = write(tmp_path / "a.xlsx", train=[("text",), ("a",)], test=[("text",), ("b",)])
    assert read_rows(path)["text"][:] == ["a"]
    assert "the sheet 'train' is read, not test; if that is wrong" in capsys.readouterr().out
    assert read_rows(path, ReadOptions(sheet="test"))["text"][:] == ["b"]
    assert not capsys.readouterr().out
    with refused("there is no sheet 'tset' (found: train, test). Did you mean 'test'?"):
        read_rows(path, ReadOptions(sheet="tset"))


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "a.xlsx").write_text("text,label\na,0\n")
    with refused(f"{tmp_path}/a.xlsx: cannot be read as xlsx: File is not a zip file"):
        read_rows(tmp_path / "a.xlsx")
    with refused("b.xlsx: the file is empty; it needs a header line"):
        read_rows(write(tmp_path / "b.xlsx", data=[]))
    with refused("c.xlsx: the file has no rows"):
        read_rows(write(tmp_path / "c.xlsx", data=[("text", "label")]))
    with refused("d.xlsx: a column name occurs twice in the header: text, text"):
        read_rows(write(tmp_path / "d.xlsx", data=[("text", "text"), ("a", "b")]))


def test_without_openpyxl_the_command_that_installs_it_is_given(tmp_path, monkeypatch):
    path = write(tmp_path / "a.xlsx", data=[("text",), ("a",)])
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    message = "a.xlsx: needs openpyxl, which is not installed: pip install 'hybrid-mtl[excel]'"
    with refused(message):
        read_rows(path)

"""Corpora are read completely or refused with a reason; downloads contain no formulas."""

import csv
import io

import pytest

pytest.importorskip("gradio", reason="the extra 'app' is not installed")

from trainer.app.corpus import MAX_SIZE, csv_columns, csv_corpus, csv_text, pasted_corpus
from trainer.app.errors import UserError


@pytest.fixture
def file(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "rows.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_pasted_lines_are_texts_without_blanks_and_repetitions():
    corpus = pasted_corpus("one\n\n two \r\none\nthree\n", 4)
    assert corpus.texts == ["one", "two", "three"]
    assert corpus.summary() == "3 different texts, 1 repeated omitted"


@pytest.mark.parametrize(
    "pasted, message",
    [
        (None, "at least two different texts"),
        ("one\none\n", "at least two different texts"),
        ("1\n2\n3\n4\n5", "Too many rows: 5; the maximum is 4"),
        ("x" * (MAX_SIZE + 1), "Too much text"),
    ],
)
def test_a_pasted_corpus_that_cannot_be_searched_is_refused(pasted, message):
    with pytest.raises(UserError, match=message):
        pasted_corpus(pasted, 4)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_column_of_a_csv_file_is_read(file, separator):
    rows = [["id", "text"], ["1", "a, b; c\td"], ["2", 'says "no"'], ["3", ""], ["4", "two\nlines"]]
    lines = io.StringIO()
    csv.writer(lines, delimiter=separator).writerows(rows)
    path = file(b"\xef\xbb\xbf" + lines.getvalue().encode())
    assert csv_columns(path) == ["id", "text"]
    corpus = csv_corpus(path, "text", 4)
    assert corpus.texts == ["a, b; c\td", 'says "no"', "two\nlines"]
    assert corpus.summary() == "3 different texts, 1 empty omitted"


def test_a_column_alone_needs_no_separator(file):
    assert csv_corpus(file("text\none\ntwo\n"), "text", 4).texts == ["one", "two"]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"\x89PNG\xff\xfe\x00", "not a CSV file in UTF-8"),
        ("PK\0\0", "binary data"),
        ("", "no rows"),
        ("text\n", "no rows"),
        ("text,text\n1,2\n", "column names, without duplicates"),
        ("text,\n1,2\n", "column names, without duplicates"),
        ("text,label\n1,2\n1,2,3\n", "line 3 has 3 cells for 2 column names"),
        ('text\n"one\n', "not a CSV file; line 2"),
        ("x" * (MAX_SIZE + 1), "too large"),
    ],
)
def test_other_files_are_refused_when_uploaded(file, content, message):
    with pytest.raises(UserError, match=message):
        csv_columns(file(content))


def test_a_column_that_is_missing_or_not_chosen_is_named(file):
    path = file("id,text\n1,one\n2,two\n3,three\n")
    with pytest.raises(UserError, match="no column 'txt'. Choose one of: id, text"):
        csv_corpus(path, "txt", 9)
    with pytest.raises(UserError, match="Choose the column"):
        csv_corpus(path, None, 9)
    with pytest.raises(UserError, match="Too many rows: 3; the maximum is 2"):
        csv_corpus(path, "text", 2)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\n="])
def test_no_cell_of_a_download_is_a_formula(start):
    text = csv_text(["cosine", "text"], [[-0.5, f"{start}1+1"], [0.5, 'a "quoted", = cell']])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[1] == ["-0.5", f"'{start}1+1"]
    assert rows[2] == ["0.5", 'a "quoted", = cell']


def test_a_lone_surrogate_does_not_stop_a_corpus():
    assert pasted_corpus("a \ud83d\nb", 4).texts == ["a ?", "b"]

"""Tables as people's programs write them: read whole, or refused; a guess in doubt is said."""

import csv
import io

import pandas as pd
import pytest

from modeling_hybrid_mtl import TaskConfig
from trainer.data import TaskSource, check_split, load_split
from trainer.data.readers import ReadOptions, read_rows
from trainer.errors import InputError

LONE_QUOTES = ['"a film', "plain", 'so "good" it hurts', 'it ends "', '"all of it"']
COMMAS = ["Solid, well made", 'she said "no"', "two\nlines, both good", "plain", ""]


def read(tmp_path, name, text, encoding="utf-8", **dialect):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return read_rows(path, ReadOptions(**dialect)).to_dict()


def unquoted(rows, *header, separator="\t"):
    return "".join(separator.join(map(str, row)) + "\n" for row in [header, *rows])


def test_quotes_in_tab_separated_texts_are_parts_of_them(tmp_path, capsys):
    for texts in (LONE_QUOTES, LONE_QUOTES[:2], LONE_QUOTES[:4], ['"a', "b", 'c"', "d"]):
        rows = list(zip(texts, "01010", strict=False))
        for name in ("a.tsv", "a.csv"):
            found = read(tmp_path, name, unquoted(rows, "sentence", "label"))
            assert found["sentence"] == texts
            assert found["label"] == list("01010"[: len(texts)])


def test_a_pair_of_lone_quotes_that_could_hold_rows_is_said(tmp_path, capsys):
    rows = [('"a', 0), ("b", 1), ('c"', 0), ("d", 1)]
    assert len(read(tmp_path, "a.tsv", unquoted(rows, "text", "label"))["text"]) == 4
    said = capsys.readouterr().out
    assert "a.tsv: read with quotes as parts of the texts: 4 rows (otherwise 2)" in said
    assert said.count("set the option 'quoting'") == 1
    found = read(tmp_path, "a.csv", unquoted(rows, "text", "label", separator=","))
    assert found["text"] == ["a,0\nb,1\nc", "d"]
    assert "a.csv: read as 2 rows, some over several lines (4 lines)" in capsys.readouterr().out
    found = read(tmp_path, "b.csv", unquoted(rows, "text", "label", separator=","), quoting="none")
    assert found["text"] == ['"a', "b", 'c"', "d"]
    assert not capsys.readouterr().out
    # Texts that hold the separator leave no doubt of the quoting, but perhaps of this quote.
    assert len(read(tmp_path, "c.csv", 'text,label\n"a,0\nb,1\nc",0\n"d, d",1\n')["text"]) == 2
    assert "c.csv: read as 2 rows, some over several lines (4 lines)" in capsys.readouterr().out


def test_quotes_of_a_comma_table_that_do_not_pair_are_parts_of_the_texts(tmp_path, capsys):
    found = read(tmp_path, "a.csv", 'text,label\n"a,0\nb,1\n"c" d,0\n')
    assert found == {"text": ['"a', "b", '"c" d'], "label": ["0", "1", "0"]}
    assert "since they do not pair" in capsys.readouterr().out
    with pytest.raises(InputError, match="line 3: .* set quoting: none"):
        read(tmp_path, "a.csv", 'text,label\n"a, b",0\n"c" d,0\n')


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_what_csv_and_pandas_write_is_read_as_it_was(tmp_path, name, separator, quoting):
    table = pd.DataFrame({"id": range(5), "sentence": COMMAS, "score": [3.5, 0.25, 1, 2, 4]})
    for index in (True, False):
        written = table.to_csv(sep=separator, quoting=quoting, index=index)
        found = read(tmp_path, name, written)
        assert found["sentence"] == COMMAS
        assert list(map(float, found["score"])) == table["score"].tolist()
        assert list(found)[:1] == (["Unnamed: 0"] if index else ["id"])


def test_a_guessed_separator_is_said_once_and_a_given_one_is_not(tmp_path, capsys):
    text = "\tid\tsentence\tsentiment\n0\t7\tgood, or not\t3.0\n1\t8\tbad\t0.0\n"
    found = read(tmp_path, "a.csv", text)
    assert found["sentence"] == ["good, or not", "bad"] and found["sentiment"] == ["3.0", "0.0"]
    assert capsys.readouterr().out.count("read as cells between tabs; if that is wrong, set") == 1
    for given in ("tab", "\t", "\\t"):
        assert read(tmp_path, "a.csv", text, separator=given) == found
    assert read(tmp_path, "b.csv", "text,label\na;b;c,0\nd;e;f,1\n")["text"] == ["a;b;c", "d;e;f"]
    assert not capsys.readouterr().out


def test_one_column_is_no_table_of_another_separator(tmp_path, capsys):
    assert read(tmp_path, "a.tsv", "text\na, b\nc, d; e\n") == {"text": ["a, b", "c, d; e"]}
    assert read(tmp_path, "a.csv", "text\na\tb\nc | d\n") == {"text": ["a\tb", "c | d"]}
    assert not capsys.readouterr().out


def test_a_row_that_does_not_fit_is_named_by_the_right_separator(tmp_path):
    with pytest.raises(InputError, match=r"line 3: 2 cells under 3 column names \(id, text, label"):
        read(tmp_path, "a.csv", "id;text;label\n1;a, b;0\n2;c\n")
    with pytest.raises(InputError, match=r"line 3: 3 cells under 2 column names .* quoting 'none'"):
        read(tmp_path, "a.tsv", 'text\tlabel\n"a\t0\nb\tc\t0\n')


@pytest.mark.parametrize("encoding", ["windows-1252", "shift_jis", "utf-16", "utf-16-le"])
def test_text_in_other_encodings_is_read_when_it_is_named(tmp_path, encoding):
    word = {"shift_jis": "映画"}.get(encoding, "café – “bon”")
    text = f"text,label\r\n{word},0\r\nb,1\r\n"
    path = tmp_path / "b.csv"
    path.write_bytes(text.encode(encoding))
    if encoding == "utf-16":  # which begins with a mark
        assert read_rows(path)["text"][:] == [word, "b"]
    else:
        with pytest.raises(InputError):
            read_rows(path)
    assert read_rows(path, ReadOptions(encoding=encoding)).to_dict() == {
        "text": [word, "b"],
        "label": ["0", "1"],
    }


def test_bytes_that_are_not_utf_8_are_refused_with_what_to_do(tmp_path):
    (tmp_path / "a.csv").write_bytes("text,label\nb,0\ncafé,0\n".encode("windows-1252"))
    with pytest.raises(InputError, match="line 3: .*such as windows-1252, with the task's 'encod"):
        read_rows(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes("text,label\ncafé,0\n".encode("utf-16")[:-1])
    with pytest.raises(InputError, match="b.csv, line .: cannot be read as csv: 'utf-16"):
        read_rows(tmp_path / "b.csv")


@pytest.mark.parametrize(
    "field, value", [("separator", ",,"), ("separator", "\n"), ("quoting", "all"), ("decimal", ";")]
)
def test_a_field_that_is_wrong_is_refused_by_name(field, value):
    with pytest.raises(InputError, match=f"(option|field) '{field}' = "):
        TaskSource(**{field: value})


@pytest.mark.parametrize("name", ["utf-9", "hex", "rot13", "a\0b"])
def test_an_unknown_encoding_is_refused(name):
    with pytest.raises(InputError, match="option 'encoding' = .*: is not a text encoding"):
        TaskSource(encoding=name)


@pytest.mark.parametrize("field", [{"separator": ";"}, {"quoting": "none"}, {"encoding": "cp1252"}])
def test_the_fields_are_refused_for_rows_of_other_kinds(tmp_path, field):
    (tmp_path / "train.jsonl").write_text('{"text": "a", "label": 0}\n')
    for dataset in (str(tmp_path), "owner/name"):
        with pytest.raises(
            InputError, match=f"'mood': option '{next(iter(field))}' is for csv, tsv"
        ):
            load_split("mood", TaskSource(dataset=dataset, **field), "train", None)


def test_a_task_reads_what_a_spreadsheet_wrote(tmp_path):
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";")
    writer.writerows([["text", "label"], ["très bon; vraiment", "4,75"], ["bof", "1"]])
    (tmp_path / "train.csv").write_bytes(written.getvalue().encode("windows-1252"))
    source = TaskSource(dataset=str(tmp_path), encoding="windows-1252", decimal=",")
    stars = TaskConfig.from_entry("stars", {"kind": "regression", "score_range": [1, 5]})
    raw = load_split("stars", source, "train", None)
    assert check_split("stars", stars, source, raw).rows.to_dict() == {
        "text": ["très bon; vraiment", "bof"],
        "label": [4.75, 1.0],
    }


@pytest.mark.parametrize("doubled", ['"he said ""x"" loudly"', '""', '"""x"""'])
def test_rows_between_lone_quotes_are_kept_beside_doubled_ones(tmp_path, capsys, doubled):
    texts = [doubled, '"a lone one', "b", 'c"', "d"]
    table = unquoted([(text, 0) for text in texts], "text", "label")
    assert read(tmp_path, "a.tsv", table)["text"] == texts
    said = capsys.readouterr().out
    assert "a.tsv: read with quotes as parts of the texts: 5 rows (otherwise 3)" in said
    # A text over several lines, which are no rows: a program wrote the quotes.
    table = unquoted([(doubled, 0), ('"a\nb"', 1)], "text", "label")
    assert read(tmp_path, "b.tsv", table)["text"] == [doubled[1:-1].replace('""', '"'), "a\nb"]
    table = unquoted([(text, 0) for text in texts], '"text"', "label")
    assert len(read(tmp_path, "c.tsv", table)["text"]) == 3
    assert "c.tsv: read as 3 rows, some over several lines (5 lines)" in capsys.readouterr().out


@pytest.mark.parametrize("lead", ["sep={}\n", '"sep={}"\r\n', "SEP={}\r\n\r\n", "\nsep={}\n"])
@pytest.mark.parametrize("separator", [";", ",", "\t", "|", "^"])
def test_a_line_that_names_the_separator_is_no_header(tmp_path, capsys, separator, lead):
    rows = [("a, b; c" if separator not in ",;" else "a", 0), ("d", 1)]
    lead = lead.format(separator)
    table = lead + unquoted(rows, "text", "label", separator=separator)
    found = read(tmp_path, "a.csv", table, encoding="utf-8-sig")
    assert found == {"text": [text for text, _ in rows], "label": ["0", "1"]}
    assert not capsys.readouterr().out
    line = len(lead.splitlines()) + 4
    with pytest.raises(InputError, match=f"b.csv, line {line}: 1 cells under 2 column names"):
        read(tmp_path, "b.csv", table + "e\n")
    assert read(tmp_path, "c.csv", "sep=a,text\n0,b\n") == {"sep=a": ["0"], "text": ["b"]}


@pytest.mark.parametrize("lead", ["\n", "\r\n\r\n", "  \n\t\n\n"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_blank_lines_before_the_header_are_skipped_and_counted(tmp_path, separator, lead):
    table = lead + unquoted([("a", 0), ('"b"', 1)], "text", "label", separator=separator)
    name = "a.csv" if separator == "," else "a.tsv"
    found = read(tmp_path, name, table)
    assert list(found) == ["text", "label"] and found["label"] == ["0", "1"]
    line = lead.count("\n") + 4
    with pytest.raises(InputError, match=f"{name}, line {line}: 1 cells"):
        read(tmp_path, name, table + "c\n")
    with pytest.raises(InputError, match="the file is empty"):
        read(tmp_path, name, lead)


@pytest.mark.parametrize("written", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("named", ["windows-1252", "latin-1", "utf-16-be", "utf-8"])
def test_a_mark_of_another_encoding_than_the_named_one_is_said(tmp_path, written, named):
    (tmp_path / "a.csv").write_bytes("text,label\nné,0\n".encode(written))
    assert read_rows(tmp_path / "a.csv").to_dict() == {"text": ["né"], "label": ["0"]}
    found = ReadOptions(encoding=written)
    assert read_rows(tmp_path / "a.csv", found).column_names == ["text", "label"]
    if (written, named) != ("utf-8-sig", "utf-8"):
        name = written.upper().removesuffix("-SIG")
        message = (
            f"a.csv: begins with the byte order mark of {name}, so it is not {named}; unset the"
        )
        with pytest.raises(InputError, match=message):
            read_rows(tmp_path / "a.csv", ReadOptions(encoding=named))


def test_the_columns_that_a_task_reads_decide_between_separators(tmp_path, capsys):
    def load(table, **source):
        (tmp_path / "train.csv").write_text(table)
        raw = load_split("x", TaskSource(dataset=str(tmp_path), **source), "train", None)
        return raw.rows.to_dict()

    rows = [("good, or not", 1), ("bad, I say", 0)]
    texts = [text for text, _ in rows]
    assert load(unquoted(rows, "text", "label"))["text"] == texts
    assert "read as cells between tabs; if that is wrong, set" in capsys.readouterr().out
    # By the commas this is a table, too.
    table = unquoted([(7, *row) for row in rows], "id, as given", "text", "label")
    assert load(table)["text"] == texts
    said = capsys.readouterr().out
    assert said.count("read as cells between tabs; if that is wrong, set") == 1
    table = unquoted([(7, *row) for row in rows], "id, as given", "words", "y", separator=";")
    assert load(table, columns={"text": "words", "label": "y"})["words"] == texts
    # So is one in which a row is wrong: it is named, and not read by another separator.
    table = unquoted([(7, *row) for row in rows], "id, as given", "text", "label") + "8\ta, b\n"
    with pytest.raises(
        InputError, match="line 4: 2 cells under 3 column names .id, as given, text"
    ):
        load(table)

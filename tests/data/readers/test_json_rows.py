import json

import pytest

from trainer.data.readers import read_rows
from trainer.data.readers.arrow_columns import values_of
from trainer.errors import InputError


def read(tmp_path, rows, name="a.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_rows(path)


@pytest.mark.parametrize(
    "texts",
    [
        ["2020-01-01", "2021-05-06 07:08:09"],
        ["12:30", "2020-01-01T00:00:00Z"],
        ["1", "2.5", "1e3"],
        ["1", 2, "3"],
        ["true", True, None],
        ["[1]", '{"a": 1}', "null"],
        [1, 2.5, None],
        [1, True, 1.0],
        [0.1, 9007199254740993, "9007199254740993"],
    ],
)
def test_every_value_is_what_the_file_holds(tmp_path, texts):
    rows = [{"text": text, "tags": [text], "more": {"text": text}} for text in texts]
    found = read(tmp_path, rows)
    for written, there in (
        (texts, found["text"][:]),
        ([[text] for text in texts], found["tags"][:]),
        ([{"text": text} for text in texts], found["more"][:]),
    ):
        assert there == written
    numbers = {type(text) for text in texts} <= {int, float, type(None)}
    assert numbers or [type(t) for t in found["text"][:]] == [type(t) for t in texts]


def test_a_column_may_change_its_type_anywhere(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.data.readers.arrow_columns._ROWS_AT_ONCE", 3)
    notes = [None] * 7 + ["late"] + [4, [], {"a": None}, [1], ["x"]] * 2
    rows = [{"text": "a", "note": note} for note in notes] + [{"text": "b", "new": ["x"]}]
    found = read(tmp_path, rows)
    assert found["note"][:] == [*notes, None]
    assert found["new"][:] == [None] * len(notes) + [["x"]]


def test_a_null_for_megabytes_and_then_a_text(tmp_path):
    rows = [{"text": "x" * 100_000, "note": None}] * 110 + [{"text": "y", "note": "here"}]
    found = read(tmp_path, rows)
    assert len(found) == 111 and found[-1] == {"text": "y", "note": "here"}


def test_a_list_of_objects_may_go_over_several_lines(tmp_path):
    rows = [{"text": "a", "label": 0}, {"text": "b", "label": "x"}]
    for indent in (None, 2):
        path = tmp_path / "a.json"
        path.write_text(json.dumps(rows, indent=indent))
        assert list(read_rows(path)) == rows


@pytest.mark.parametrize(
    "content, message",
    [
        ('{"text": "a"}\n{"text": "a", "text": "b"}\n', "line 2: .* 'text' occurs twice"),
        ('{"text": "a"}\n\n{"text": }\n', "line 3: .* in column 10"),
        ('{"text": "a"}\n5\n', "line 2: expected an object such as .*, got 5"),
        ('[{"text": "a"}, "b"]', "line 1: row 2: expected an object such as .*, got 'b'"),
        ('[{"text": "a"},\n "b\n]', "line 2: cannot be read as jsonl: "),
        ('{"text": "a"}\n{"text": "\\ud83d"}\n', "line 2: cannot be read as jsonl: 'utf-8'"),
        ('{\n"text": "a"\n}\n', "line 1: .*write one object per line, or one list of objects"),
    ],
)
def test_what_is_no_list_of_objects_is_refused_with_its_line(tmp_path, content, message):
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(InputError, match=f"a.jsonl, {message}"):
        read_rows(tmp_path / "a.jsonl")


def test_integers_of_any_size_keep_their_digits(tmp_path):
    found = read(tmp_path, [{"a": 10**30, "b": 10**30}, {"a": -(10**19), "b": "x"}])
    values = {name: values_of(found.data[name]) for name in found.column_names}
    assert values == {"a": [10**30, -(10**19)], "b": [10**30, "x"]}

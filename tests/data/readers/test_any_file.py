"""Whatever a file holds: the rows that are in it, or one message that names it."""

import csv
import json
import math
import re
import unicodedata

import datasets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modeling_hybrid_mtl import TaskConfig
from tests.modeling.toy_models import toy_tokenizer
from trainer.data import RawSplit, TaskSource, check_split, tokenize
from trainer.data.readers import read_rows
from trainer.errors import InputError

MOOD = TaskConfig.from_entry("mood", {"kind": "classification", "labels": ["bad", "so-so", "good"]})
STARS = TaskConfig.from_entry("stars", {"kind": "regression", "score_range": [1, 5]})
# A file of its own for each example would be slow, and nothing of one is left for the next.
quick = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
fewer = settings(quick, max_examples=12)
ODD = [
    "\u202eabc",
    "שלום עולם",
    "مرحبا",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\x00",
    "a\x1b[2J",
    "\u2028",
    "\x85",
    "e\u0301" * 50,
    "\ufeff",
    "=1+1",
]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(ODD)
names = texts.filter(lambda n: n and not n.startswith("\ufeff") and "\0" not in n)


@st.composite
def tables(draw):
    header = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    cells = st.lists(texts, min_size=len(header), max_size=len(header))
    return header, draw(st.lists(cells, min_size=1, max_size=6))


@quick
@given(table=tables(), kind=st.sampled_from(["csv", "tsv"]), end=st.sampled_from(["\n", "\r\n"]))
def test_every_cell_of_a_table_is_read_as_it_was_written(tmp_path, table, kind, end):
    header, rows = table
    path = tmp_path / f"any.{kind}"
    with path.open("w", newline="", encoding="utf-8") as file:
        separator = {"csv": ",", "tsv": "\t"}[kind]
        # A writer leaves a carriage return bare where the end of a line is another one.
        quoting = csv.QUOTE_ALL
        csv.writer(file, delimiter=separator, lineterminator=end, quoting=quoting).writerows(
            [header, *rows]
        )
    found = read_rows(path)
    assert found.column_names == header
    assert [list(row.values()) for row in found] == rows


beginnings = st.sampled_from(
    [
        b"",
        b"text,label\n",
        b"text,text,label\n",
        b"\xff\xfe",
        b"\xef\xbb\xbftext,label\r\n",
        b'{"text": "a", "label": 0}\n',
        b'{"text": "a", "text": "b"}\n',
        b'[{"text": "a"}, ',
        b"\x1f\x8b\x08\x00",
        b"PK\x03\x04",
        b"PAR1",
        "tëxt,label\n".encode("latin-1"),
        "text,label\nй,0\n".encode("utf-16"),
        b"[" * 300,
        b'"' * 7,
        b"a\rb\rc",
    ]
)


@quick
@given(start=beginnings, rest=st.binary(max_size=80) | texts.map(str.encode))
@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_any_bytes_are_a_table_or_refused(tmp_path, kind, start, rest):
    read_or_refused(tmp_path / f"any.{kind}", start + rest)


@fewer
@given(start=beginnings, rest=st.binary(max_size=80) | texts.map(str.encode))
@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_any_bytes_are_rows_or_refused(tmp_path, cache_folder, kind, start, rest):
    read_or_refused(tmp_path / f"any.{kind}", start + rest)


def read_or_refused(path, content):
    path.write_bytes(content)
    try:
        assert len(read_rows(path)) > 0
    except InputError as error:
        check_message(str(error), path)


def check_message(message: str, path):
    assert str(path) in message
    assert len(message) < 5000
    # Nothing that a terminal would act on.
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in message if c != "\n")


good_texts = texts.filter(lambda text: text.strip()) | st.sampled_from(["1", "2.5", "2020-01-01"])
bad_texts = st.sampled_from([None, "", " \t", 5, 0.5, True, ["a"], {"a": "b"}])
good_labels = st.sampled_from(["bad", "so-so", "good", 0, 1, 2, "0", "2", 1.0])
bad_labels = st.sampled_from([None, "", "Good", -1, 3, 0.5, "x" * 5000, [0], {"a": 0}, 10**18])
rows_of_json = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.one_of(good_texts, good_texts, good_texts, bad_texts),
            "label": st.one_of(good_labels, good_labels, good_labels, bad_labels),
        }
    ),
    min_size=1,
    max_size=6,
)


@fewer
@given(rows=rows_of_json)
def test_rows_of_any_types_are_understood_or_the_first_bad_one_is_named(tmp_path, rows):
    path = tmp_path / "any.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    bad = [
        number
        for number, row in enumerate(rows, 1)
        if not is_text(row["text"]) or index(row["label"]) is None
    ]
    raw = RawSplit(read_rows(path), str(path))
    if not bad:
        found = check_split("mood", MOOD, TaskSource(), raw).rows
        assert found["text"][:] == [row["text"] for row in rows]
        assert found["label"][:] == [index(row["label"]) for row in rows]
        return
    with pytest.raises(InputError, match=f", row {bad[0]}: column '(text|label)' ") as caught:
        check_split("mood", MOOD, TaskSource(), raw)
    check_message(str(caught.value), path)


def is_text(value):
    return isinstance(value, str) and bool(value.strip())


def index(label):
    """What a label of the task above stands for; None for what is none."""
    if label in ("bad", "so-so", "good"):
        return ("bad", "so-so", "good").index(label)
    number = {"0": 0, "2": 2}.get(label, label) if isinstance(label, str | int | float) else None
    return int(number) if number in (0, 1, 2) and not isinstance(number, str) else None


@quick
@given(value=st.floats() | st.integers() | texts | st.booleans() | st.none())
def test_a_score_is_a_number_in_its_range_or_refused(value):
    rows = datasets.Dataset.from_dict({"text": ["a"], "label": [str(value)]})
    try:
        found = check_split("stars", STARS, TaskSource(), RawSplit(rows, "FILE")).rows["label"][0]
        assert 1 <= found <= 5 and math.isclose(found, float(str(value)), rel_tol=1e-6)
    except InputError as error:
        check_message(str(error), "FILE, row 1")


@fewer
@given(written=st.lists(good_texts | st.text("a film", min_size=30, max_size=200), min_size=1))
def test_any_text_becomes_tokens_within_the_limit(written):
    written = [text for text in written if text.strip()] or ["a"]
    rows = datasets.Dataset.from_dict({"text": written, "label": [0] * len(written)})
    tokenizer = toy_tokenizer()
    found = tokenize("mood", rows, MOOD, tokenizer, 24)
    whole = [len(ids) for ids in toy_tokenizer()(written).input_ids]
    assert found["length"][:] == [min(length, 24) for length in whole]
    assert found["truncated"][:] == [length > 24 for length in whole]


def test_a_message_quotes_no_more_than_the_beginning_of_a_value(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "a", "label": "x\x1b[2J" * 200_000}) + "\n")
    with pytest.raises(InputError, match=re.escape("has 'x\\x1b[2Jx")) as caught:
        check_split("mood", MOOD, TaskSource(), RawSplit(read_rows(path), str(path)))
    check_message(str(caught.value), path)
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"\x1b]0;{i}\x07" * 100 for i in range(1000)) + "\nb\n")
    with pytest.raises(InputError, match=re.escape("1 cells under 1000 column names")) as caught:
        read_rows(path)
    check_message(str(caught.value), path)

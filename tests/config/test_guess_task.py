"""Guesses of a task's entry from its rows."""

import pytest
from datasets import Dataset

from trainer.config.guess_task import guess_task
from trainer.data.readers import RawSplit
from trainer.errors import InputError

TEXTS = [f"this is the text of row {row}" for row in range(40)]
OTHER = [f"and this is the other text, {row}" for row in range(40)]


def guess(**columns):
    return guess_task(RawSplit(Dataset.from_dict(columns), "rows.csv"))


def every(*values):
    return [values[row % len(values)] for row in range(40)]


def test_numbers_of_the_rows_are_no_label():
    found = guess(body=TEXTS, polarity=every("pos", "neg"), order=list(range(1000, 1040)))
    assert found.entry["labels"] == ["neg", "pos"]


def test_a_few_names_with_commas_are_classes():
    found = guess(text=TEXTS, author=every("Smith, John", "Doe, Jane", "Roe, Rick"))
    assert found.entry["kind"] == "classification"
    assert found.entry["labels"] == ["Doe, Jane", "Roe, Rick", "Smith, John"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (every("same"), "column 'label' cannot be guessed: all rows have the same value"),
        ([f"{n},5{n}" for n in range(40)], "it has numbers with a comma"),
        ([f"class {n} of many" for n in range(40)], "it has 40 different values in 40 rows"),
    ],
)
def test_a_label_that_cannot_be_guessed_is_refused_with_the_reason(cells, reason):
    with pytest.raises(InputError, match=reason):
        guess(text=TEXTS, label=cells)


@pytest.mark.parametrize(
    "columns, entry",
    [
        (
            {"id": list(range(40)), "comment": TEXTS, "topic": every("price", "quality")},
            {
                "kind": "classification",
                "labels": ["price", "quality"],
                "columns": {"text": "comment", "label": "topic"},
            },
        ),
        (
            {"question1": TEXTS, "question2": OTHER, "is_duplicate": every("0", "1")},
            {
                "kind": "classification",
                "labels": ["0", "1"],
                "columns": {"text": "question1", "text_pair": "question2", "label": "is_duplicate"},
                "input": "pair",
            },
        ),
        (
            {"text_a": TEXTS, "text_b": OTHER, "score": every("0.5", "4.2", "5")},
            {
                "kind": "similarity",
                "score_range": [0.0, 5.0],
                "columns": {"text": "text_a", "text_pair": "text_b", "label": "score"},
                "input": "pair",
            },
        ),
        (
            {"review": TEXTS, "stars": every(1, 2, 3, 4, 5)},
            {
                "kind": "ordinal",
                "labels": ["1", "2", "3", "4", "5"],
                "columns": {"text": "review", "label": "stars"},
            },
        ),
        (
            {"text": TEXTS, "price": [row * 1.5 for row in range(40)]},
            {"kind": "regression", "score_range": [0.0, 100.0], "columns": {"label": "price"}},
        ),
        (
            {"text": TEXTS, "label": every("a|b", "b", "c|a")},
            {"kind": "multi_label", "labels": ["a", "b", "c"], "label_separator": "|"},
        ),
        (
            {"text": TEXTS, "label": every(["x"], ["x", "y"])},
            {"kind": "multi_label", "labels": ["x", "y"]},
        ),
        (
            {"words": every(["New", "York"], ["a", "b"]), "tags": every(["B", "I"], ["O", "O"])},
            {
                "kind": "token_classification",
                "labels": ["B", "I", "O"],
                "columns": {"text": "words", "label": "tags"},
            },
        ),
        (
            {"query": TEXTS, "passage": OTHER},
            {
                "kind": "ranking",
                "columns": {"text": "query", "text_pair": "passage"},
                "input": "pair",
            },
        ),
    ],
)
def test_kind_labels_and_columns_are_guessed(columns, entry):
    assert guess(**columns).entry == entry


def test_rows_without_a_label_are_counted():
    found = guess(text=TEXTS, label=[None, "", *every("a", "b")[2:]])
    assert found.entry["bad_rows"] == "drop"
    assert any(note.startswith("2 of 40 rows have no text or no label") for note in found.notes)


def test_what_is_not_used_is_said():
    notes = guess(text=TEXTS, answer=OTHER, label=every("a", "b")).notes
    assert "columns that are not used: answer" in notes
    assert any("input: pair, and text_pair: answer" in note for note in notes)


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"text": TEXTS}, "rows.csv: no column looks like a label .found: text"),
        ({"label": every(0, 1)}, "rows.csv: no column looks like a text"),
        ({"text": TEXTS, "id": list(range(40))}, "no column looks like a label"),
    ],
)
def test_what_cannot_be_guessed_is_refused(columns, message):
    with pytest.raises(InputError, match=message):
        guess(**columns)

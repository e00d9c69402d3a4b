"""Tables in memory, of any library, become the same rows."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset

from trainer.data import to_rows
from trainer.errors import InputError

COLUMNS = {"text": ["NA", "", "café"], "label": ["bad", None, "good"], "stars": [1.0, None, 4.5]}


def polars_frame(columns):
    return pytest.importorskip("polars").DataFrame(columns)


@pytest.mark.parametrize(
    "build",
    [
        pd.DataFrame,
        lambda columns: pd.DataFrame(columns, dtype=object),
        lambda columns: pd.DataFrame(columns).convert_dtypes(),
        polars_frame,
        pa.table,
        Dataset.from_dict,
        dict,
        lambda columns: [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ],
    ],
    ids=["pandas", "objects", "nullable", "polars", "arrow", "datasets", "lists", "mappings"],
)
def test_every_table_gives_the_same_rows(build):
    assert to_rows(build(COLUMNS)).to_dict() == COLUMNS


def test_categories_lists_and_mixed_values_are_kept():
    frame = pd.DataFrame(
        {"tag": pd.Categorical(["a", "b"]), "words": [["x", "y"], ["z"]], "any": ["1", 2]},
        index=[7, 9],
    )
    rows = to_rows(frame)
    assert {name: rows[name][:] for name in frame.columns} == {
        "tag": ["a", "b"],
        "words": [["x", "y"], ["z"]],
        "any": ["1", 2],
    }
    frame = pd.DataFrame({"any": [np.array(["x"]), pd.NA, np.int64(3), np.nan, pd.NaT]})
    assert to_rows(frame)["any"][:] == [["x"], None, 3, None, None]


def test_categories_and_dates_of_polars_are_kept():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"tag": ["a", "b"], "day": [datetime.date(2024, 1, 2)] * 2},
        schema_overrides={"tag": polars.Categorical},
    )
    rows = to_rows(frame)
    assert rows["tag"][:] == ["a", "b"] and rows["day"][0] == datetime.date(2024, 1, 2)


@pytest.mark.parametrize(
    "table, message",
    [
        (5, "a table is a int; expected a datasets.Dataset, a pandas or polars"),
        ("a.csv", "a table is a str"),
        (["a"], "a table is a list"),
        ({"text": ["a"], "label": []}, "different lengths: .'text': 1, 'label': 0"),
        ({"text": "abc"}, "column 'text' of a table is a str; expected a list of values"),
        (
            {"train": Dataset.from_dict({"text": ["a"]})},
            "'train' .* is a Dataset; .*choose a split",
        ),
        (Dataset.from_dict({"text": ["a"]}).to_iterable_dataset(), "load it without streaming"),
    ],
)
def test_another_object_is_refused(table, message):
    with pytest.raises(InputError, match=message):
        to_rows(table)

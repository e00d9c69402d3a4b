"""The tasks and columns that fit the rows."""

import re

import pyarrow as pa
import pytest

from tests.prediction.fake_pipeline import FakePipeline, job
from trainer.errors import InputError
from trainer.prediction.plan import make_plan

ROWS = pa.schema({name: pa.string() for name in ("id", "text", "text_pair", "review", "label")})
SINGLE = pa.schema({"text": pa.string(), "review": pa.string()})


def plan(schema=ROWS, **options):
    return make_plan(
        job("rows.csv", "a.csv", **{"keep": (), **options}), FakePipeline(), [("rows.csv", schema)]
    )


def test_a_task_reads_its_texts_and_others_what_there_is():
    assert plan(task="mood").texts == {"text": "text"}
    assert plan(task="near").texts == {"text": "text", "text_pair": "text_pair"}
    everything = plan(task=None)
    assert everything.tasks == ["near"] and list(everything.columns) == ["near_score"]
    assert plan(SINGLE, task=None).tasks == ["mood"]
    assert plan(SINGLE, texts={"text": ("text", "review")}).texts == {"text": "text"}
    assert plan(SINGLE, texts={"text": ("review",)}).texts == {"text": "review"}


def test_columns_are_those_that_are_named():
    found = plan(task="mood", keep=("id",))
    assert found.schema.names == ["id", "label", "index", "score"]
    assert found.schema.field("id").type == pa.string()
    named = plan(task="mood", output_columns={"id": "id", "index": "Predicted"})
    assert named.schema.names == ["id", "Predicted"]


@pytest.mark.parametrize(
    "schema, options, message",
    [
        (SINGLE, {"task": "near"}, "rows.csv: there is no column 'text_pair' (found: text, rev"),
        (SINGLE, {"texts": {"text": ("body",)}}, "there is no column 'body'"),
        (SINGLE, {"task": None, "texts": {"text_pair": ("b",)}}, "there is no column 'b'"),
        (ROWS, {"task": "moods"}, "--task: no task 'moods' in this model (mood, near). Did you"),
        (ROWS, {"keep": ("label",)}, "--keep: 'label': the predictions have a column of"),
        (ROWS, {"keep": ("name",)}, "--keep: there is no column 'name'"),
        (ROWS, {"output_columns": {"idx": "x"}}, "--output_columns: there is no column 'idx'"),
    ],
)
def test_what_does_not_fit_is_one_error(schema, options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        plan(schema, **options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"on_error": "drop"}, "--on_error = 'drop': must be one of stop, skip, null"),
        ({"workers": 0}, "--workers = 0: must be 1 or more"),
        ({"texts": {"txt": ("a",)}}, "--texts: 'txt' is not one of text, text_pair. Did you mean"),
        ({"keep": ("a", "a")}, "--keep = a,a: names a column twice"),
        ({"output_columns": {"a": "x", "b": "x"}, "keep": ()}, "--output_columns"),
        ({"output_columns": {"a": "x"}}, "--keep and --output_columns: choose one"),
    ],
)
def test_wrong_options_are_one_error(options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        job("rows.csv", "a.csv", **options)


def test_an_output_has_a_format():
    with pytest.raises(InputError, match="--output = 'a.txt': expected a name that ends in .csv"):
        job("rows.csv", "a.txt")

"""Options of predictions that are refused."""

import re

import pytest

from trainer.config.parser import parse
from trainer.errors import InputError


@pytest.mark.parametrize(
    "options, message",
    [
        (
            ["--predict_output", "a.txt"],
            "predict_output = 'a.txt': expected a name that ends",
        ),
        (["--predict_columns", "[1]"], "predict_columns = [1]: must be a mapping, column -> its"),
        (["--predict_columns", '{"a": 1}'], "predict_columns = {'a': 1}: must be a mapping, col"),
        (["--predict_columns", '{"a": "x", "b": "x"}'], "'b': 'x'}: the names must differ"),
        (
            ["--predict_columns", '{"a": "x"}', "--predict_keep", "b"],
            "predict_keep and predict_columns: choose one of the two",
        ),
        (
            ["--predict_on_error", "drop"],
            "predict_on_error = 'drop': must be one of stop, skip, nu",
        ),
        (["--mode", "train"], "predict_file = 'a.csv': has no effect with mode: train"),
        (
            ["--mode", "evaluate", "--predict_file=", "--predict_probabilities", "true"],
            "has no effect with mode: evaluate",
        ),
    ],
)
def test_wrong_options_are_one_message(options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        parse(["--mode", "predict", "--predict_file", "a.csv", *options])


def test_mappings_and_lists_are_written_as_in_yaml_or_with_commas():
    options = ["--mode", "predict", "--predict_file", "a.csv"]
    run = parse([*options, "--predict_keep", "id,date", "place"]).run
    assert run.predict_keep == ["id", "date", "place"]
    run = parse([*options, "--predict_columns", "{id: id, label: Class}"]).run
    assert run.predict_columns == {"id": "id", "label": "Class"}

import re

import pytest
import yaml

from trainer.config.yaml_text import read_yaml, to_yaml


@pytest.mark.parametrize("text, number", [("1e-5", 1e-5), ("2E3", 2000.0), ("-.5e+1", -5.0)])
def test_a_number_without_a_dot_or_a_sign_is_a_number(text, number):
    assert read_yaml(f"{{rate: {text}}}") == {"rate": number}


@pytest.mark.parametrize("text", ["1e", "e5", "'1e-5'", "1e-5x", "v1e5", "12-e4"])
def test_other_text_stays_text(text):
    assert read_yaml(text) == text.strip("'")


@pytest.mark.parametrize("value", [1e-5, 1e22, 0.1, 3, "1e-5", None, True, [1e-7, "a"]])
def test_what_is_dumped_is_read_back(value):
    found = read_yaml(to_yaml({"a": value}))["a"]
    assert found == value and type(found) is type(value)


def test_objects_are_not_made():
    with pytest.raises(yaml.YAMLError):
        read_yaml("!!python/object/apply:os.getcwd []")


@pytest.mark.parametrize(
    "value, problem, column",
    [
        ("'hf_SECRET", "found unexpected end of stream", None),
        ("*hf_SECRET", "found undefined alias", 13),
        ("!hf_SECRET x", "could not determine a constructor for the tag", 13),
        ("!hf_SECRET!x y", "found undefined tag handle", 13),
        ("!!int hf_SECRET", "an invalid date or number", 13),
        ("!!float hf_SECRET", "an invalid date or number", 13),
        ("!!bool hf_SECRET", "an invalid date or number", 13),
        ("!!timestamp hf_SECRET", "an invalid date or number", 13),
        ("!!binary hf_SECRET\xff", "failed to convert base64 data into ascii", 13),
        ("{hf_SECRET", "expected ',' or '}', but got '<stream end>'", None),
        ("[hf_SECRET, x: y: z]", "expected ',' or ']', but got ':'", None),
        ("2021-99-99", "an invalid date or number", 13),
        ("9" * 5000, "an invalid date or number", 13),
    ],
)
def test_an_error_names_the_place_and_not_what_stands_there(value, problem, column):
    with pytest.raises(yaml.YAMLError) as error:
        read_yaml(f"seed: 1\nhub_token:  {value}\n")
    said = str(error.value)
    assert said.startswith(problem) and "secret" not in said.lower().replace("_", "")
    assert re.search(r" \(line [23], column \d+\)$", said) and error.value.__suppress_context__
    assert column is None or said.endswith(f"(line 2, column {column})")


def test_brackets_without_end_are_no_yaml():
    with pytest.raises(yaml.YAMLError, match="too deeply nested"):
        read_yaml("[" * 5000)

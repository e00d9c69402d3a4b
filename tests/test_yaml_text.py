import pytest
import yaml

from trainer.yaml_text import read_yaml, to_yaml


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


def test_an_error_names_the_place_and_not_what_stands_there():
    with pytest.raises(
        yaml.YAMLError, match=r"unexpected end of stream \(line 3, column 1\)$"
    ) as e:
        read_yaml('seed: 1\nhub_token: "hf_SECRETSECRET\n')
    assert "SECRET" not in str(e.value) and e.value.__suppress_context__


@pytest.mark.parametrize("text", ["[" * 5000, "a: 2021-99-99", "a: " + "9" * 5000])
def test_what_python_cannot_hold_is_no_yaml(text):
    with pytest.raises(yaml.YAMLError):
        read_yaml(text)

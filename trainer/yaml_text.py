"""YAML with the numbers of YAML 1.2: PyYAML keeps to 1.1, which takes 1e-5 for text."""

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    pass


class _Dumper(yaml.SafeDumper):
    pass


for _kind in (_Loader, _Dumper):  # the dumper, so that it puts quotes around such a text
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
        list("-+.0123456789"),
    )


def read_yaml(text: str) -> Any:
    """What a YAML document holds.

    Raises:
        yaml.YAMLError: if the text is not YAML, or asks for more than plain data. It names the
            place and does not show what stands there, which may be a token.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise yaml.YAMLError(f"{error.problem or error.context}{place}") from None
    except RecursionError:
        raise yaml.YAMLError("too many brackets inside one another") from None
    except ValueError as error:  # a date that is none, a number of thousands of digits
        raise yaml.YAMLError(str(error)) from None


def to_yaml(content: Any) -> str:
    """A YAML document that `read_yaml` reads back as the same content, keys in their order."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)

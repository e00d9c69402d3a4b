"""YAML with the numbers of YAML 1.2: PyYAML keeps to 1.1, which takes 1e-5 for text."""

import re
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.parser import ParserError
from yaml.scanner import ScannerError


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError):  # what PyYAML lets through
            problem = "a date or number that is none, or a value that is not as its tag says"
            raise ConstructorError(None, None, problem, node.start_mark) from None


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
        raise yaml.YAMLError(f"{_without_quotes(error)}{place}") from None
    except RecursionError:
        raise yaml.YAMLError("too many brackets inside one another") from None


def _without_quotes(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "no YAML"
    # The scanner quotes a character and the parser a kind of token; others, and whoever speaks of
    # a handle, quote the text.
    if isinstance(error, ScannerError | ParserError) and "handle" not in problem:
        return problem
    return problem.partition("'")[0].partition('"')[0].partition(":")[0].strip()


def to_yaml(content: Any) -> str:
    """A YAML document that `read_yaml` reads back as the same content, keys in their order."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)

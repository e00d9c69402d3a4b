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
            problem = "an invalid date or number, or a value that does not match its tag"
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
    """Parse a YAML document.

    Raises:
        yaml.YAMLError: if the text is not YAML of plain data. The message names the line and
            column, and does not quote the text, which may be a secret.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise yaml.YAMLError(f"{_without_quotes(error)}{place}") from None
    except RecursionError:
        raise yaml.YAMLError("too deeply nested") from None


def _without_quotes(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "no YAML"
    # The scanner quotes a character and the parser a kind of token; other messages quote the text.
    if isinstance(error, ScannerError | ParserError) and "handle" not in problem:
        return problem
    return problem.partition("'")[0].partition('"')[0].partition(":")[0].strip()


def to_yaml(content: Any, **options: Any) -> str:
    """Return a YAML document of some content, keys in their order.

    Args:
        content: plain data.
        **options: of `yaml.dump`.
    """
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, **options)

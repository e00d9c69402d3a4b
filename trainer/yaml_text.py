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
        yaml.YAMLError: if the text is not YAML, or asks for more than plain data.
    """
    return yaml.load(text, Loader=_Loader)


def to_yaml(content: Any) -> str:
    """A YAML document that `read_yaml` reads back as the same content, keys in their order."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False)

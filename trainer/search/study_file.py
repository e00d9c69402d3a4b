"""Reads the file of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from trainer.config.extensions import load_extensions
from trainer.config.packaged_configs import packaged_configs
from trainer.config.parser import read_config
from trainer.config.yaml_text import read_yaml
from trainer.errors import InputError, did_you_mean, truncated_repr
from trainer.search.merge import merge
from trainer.search.methods import METHODS
from trainer.search.space import read_space
from trainer.search.study import Study

_FIELDS = [f.name for f in fields(Study) if f.name not in ("name", "options")]
# Keys of a study's file: its fields, and where its options come from.
_KEYS = [*_FIELDS, "base", "options"]


def read_study(path: Path, arguments: Sequence[str] = ()) -> Study:
    """Read a study's file.

    Its `base` is a configuration file, relative to the study's file or to the current folder, and
    `options` are changes to it.

    Args:
        path: the file.
        arguments: `--KEY value` of the command line, which override the file: a key of the study,
            or else an option of all its runs.

    Raises:
        InputError: naming the file and the key that is unknown, missing or wrong.
    """
    if not path.is_file():
        raise InputError(f"there is no study '{path}'")
    given = _overridden(read_config(path), arguments)
    try:
        return _study(path, given)
    except InputError as error:
        message = str(error)
        raise InputError(message if str(path) in message else f"{path}: {message}") from error


def _overridden(given: dict[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """Return a study's keys with those of a command line."""
    rest = iter(arguments)
    options: dict[str, Any] = {}
    for argument in rest:
        key, has_value, value = argument.removeprefix("--").partition("=")
        text = value if has_value else next(rest, None)
        if not argument.startswith("--") or text is None:
            raise InputError(f"command line: '{argument}': expected --KEY value")
        try:
            read = read_yaml(text)
        except yaml.YAMLError as error:
            raise InputError(f"command line: --{key}: {text!r} is not YAML") from error
        if key in _KEYS and key != "options":
            given[key] = read
        else:
            options[key] = read
    if options and isinstance(given.get("options") or {}, Mapping):
        given["options"] = {**(given.get("options") or {}), **options}
    return given


def _study(path: Path, given: dict[str, Any]) -> Study:
    for key in given:
        if key not in _KEYS:
            raise InputError(
                f"unknown key '{key}'.{did_you_mean(key, _KEYS)} Options of runs belong to "
                "options, variants or space"
            )
    options: dict[str, Any] = {}
    if given.get("base") is not None:
        base = _base(path, str(given["base"]))
        options = read_config(base)
        _find_extensions(options, base.parent)
    if not isinstance(given.get("options") or {}, Mapping):
        raise InputError(f"options = {truncated_repr(given['options'])}: expected option: value")
    options = merge(options, given.get("options") or {})
    _find_extensions(options, path.parent)
    variants = given.get("variants") or {}
    if not isinstance(variants, Mapping) or not all(
        isinstance(changes or {}, Mapping) for changes in variants.values()
    ):
        raise InputError("variants: expected NAME: {option: value}")
    if given.get("output_dir") is None:
        raise InputError("output_dir is missing: name a folder for the study")
    values = {key: given[key] for key in _FIELDS if given.get(key) is not None}
    values["variants"] = {str(name): dict(changes or {}) for name, changes in variants.items()}
    if len(values["variants"]) < len(variants):
        raise InputError(
            f"variants: two of them have the same name: {', '.join(map(str, variants))}"
        )
    if "baseline" in values:
        values["baseline"] = str(values["baseline"])
    if isinstance(values.get("combined"), Mapping):
        values["combined"] = {
            str(name): {t: str(v) for t, v in parts.items()}
            if isinstance(parts, Mapping)
            else parts
            for name, parts in values["combined"].items()
        }
    values["space"] = read_space(given.get("space"))
    method = values.get("method", Study.method)
    if method not in METHODS:
        raise InputError(
            f"method = {method!r}: must be one of {', '.join(METHODS)}."
            f"{did_you_mean(str(method), METHODS)}"
        )
    return Study(path.stem, options, **values)


def _find_extensions(options: dict[str, Any], folder: Path) -> None:
    """Load the extensions of a configuration; replace those beside it by their full paths."""
    if options.get("extensions"):
        options["extensions"] = load_extensions(options["extensions"], folder)


def _base(path: Path, base: str) -> Path:
    """Return a study's base: a file beside it, or elsewhere, or a packaged configuration."""
    beside = path.parent / base
    if beside.is_file():
        return beside
    return Path(base) if Path(base).is_file() else packaged_configs().get(base, Path(base))

"""Metadata of options, stored in dataclass fields, and checks of their values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from trainer.errors import InputError, did_you_mean

# The limit of numpy's seeds; no other option needs a larger number.
MAX_WHOLE = 2**32 - 1
OTHER = "everything else of transformers.TrainingArguments"


@dataclass(frozen=True)
class OptionInfo:
    """Metadata of an option besides its type, default and help.

    Attributes:
        group: heading in the help and the documents.
        card: whether a model card shows the option: `always`, if `changed`, or `never`. An option
            with `needs` is shown wherever it has an effect.
        resume: `same` if the value must not change on resume; `free` for options that affect
            reports and saved files, but no computation.
        phase: `any`: every phase may override it; `tasks`: only phases that train tasks; `run`: it
            applies to the whole run.
        lowest: minimum of a number.
        needs: another option and those of its values with which this one has an effect.
        choices: the registry of its values; the help lists the entries registered at that time.
        instead: the alternative in a configuration file, if the option cannot be set there.
    """

    group: str = OTHER
    card: str = "never"
    resume: str = "same"
    phase: str = "any"
    lowest: float | None = None
    needs: tuple[str, tuple[str, ...]] | None = None
    choices: Mapping[str, Any] | None = None
    instead: str | None = None


def option(
    default: Any,
    help: str,  # as argparse calls it
    *,
    group: str,
    card: str = "never",
    resume: str = "same",
    phase: str = "tasks",
    lowest: float | None = None,
    needs: tuple[str, tuple[str, ...]] | None = None,
    choices: Mapping[str, Any] | None = None,
    instead: str | None = None,
) -> Any:
    """Return a dataclass field with its help text and an `OptionInfo`.

    Args:
        default: default of the field.
        help: the option's effect, shown to users.
        group, card, resume, phase, lowest, needs, choices, instead: see `OptionInfo`.
    """
    info = OptionInfo(group, card, resume, phase, lowest, needs, choices, instead)
    return field(default=default, metadata={"help": help, "info": info})


def info_of(declared: Field, inherited: Mapping[str, OptionInfo] | None = None) -> OptionInfo:
    """Return the metadata of a field; of fields declared by a library, from `inherited`."""
    info = declared.metadata.get("info")
    return info or (inherited or {}).get(declared.name, OptionInfo())


def help_of(declared: Field) -> str | None:
    """Return a field's help text followed by its registered choices."""
    text, choices = declared.metadata.get("help"), info_of(declared).choices
    return f"{text} Choices: {', '.join(choices)}." if choices else text


def default_of(declared: Field) -> Any:
    """Return a field's default, a new object if the field has a default factory."""
    if declared.default_factory is not MISSING:
        return declared.default_factory()
    return declared.default


def changed(options: Any, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the fields of a dataclass instance that differ from their default: name -> value.

    Args:
        options: the instance.
        names: the fields to compare; all if None.
    """
    compared = None if names is None else set(names)
    return {
        f.name: getattr(options, f.name)
        for f in fields(options)
        if (compared is None or f.name in compared) and getattr(options, f.name) != default_of(f)
    }


def is_read(options: Any, info: OptionInfo) -> bool:
    """Return whether an option has an effect, given the values of the others."""
    return info.needs is None or getattr(options, info.needs[0]) in info.needs[1]


def check_options(options: Any, kind: type) -> None:
    """Check choices, minima and `needs` as declared by the fields of a class.

    Args:
        options: an instance of the class or of a subclass.
        kind: the class.

    Raises:
        InputError: naming the first option that is not a choice, too low or has no effect.
    """
    for declared in fields(kind):
        info, value = info_of(declared), getattr(options, declared.name)
        if info.choices is not None:
            check_choice(declared.name, value, info.choices)
        if info.lowest is not None and value is not None:
            check_lowest(declared.name, value, info.lowest)
        if info.needs is not None and not is_read(options, info) and value != declared.default:
            other, values = info.needs
            raise InputError(
                f"{declared.name} = {value!r}: has no effect with {other}: "
                f"{getattr(options, other)}; unset it, or use {other}: {' or '.join(values)}"
            )


def check_types(options: Any, prefix: str = "") -> None:
    """Check that integers, numbers, booleans and lists of a dataclass instance have their type.

    Args:
        options: the instance; fields of other types and fields that are None are not checked.
        prefix: prefix of a field's name in the message.

    Raises:
        InputError: naming the first field of another type.
    """
    kind: Any = type(options)
    for name, declared in _types_of(kind).items():
        value = getattr(options, name)
        expected = None if value is None else _expected(value, declared)
        if expected is not None:
            raise InputError(f"{prefix}{name} = {value!r}: must be {expected}")


def types_in(declared: Any) -> frozenset[Any]:
    """Return the types of a union other than None, or the type itself."""
    is_union = get_origin(declared) in (Union, UnionType)
    return frozenset(get_args(declared) if is_union else (declared,)) - {NoneType}


def _expected(value: Any, declared: Any) -> str | None:
    """Return what a value must be, if it is not of a type."""
    types = types_in(declared)
    lists = [kind for kind in types if get_origin(kind) is list]
    if lists and isinstance(value, (list, tuple)):
        wrong = (_expected(element, get_args(lists[0])[0]) for element in value)
        return next((f"a list, each element {reason}" for reason in wrong if reason), None)
    if len(types) == len(lists) == 1:
        return "a list"
    if types not in _EXPECTED:
        return None
    description, expected = _EXPECTED[types]
    if expected is Integral and isinstance(value, Integral) and abs(int(value)) > MAX_WHOLE:
        return f"a whole number of at most {MAX_WHOLE}"
    is_right = isinstance(value, expected) and (expected is bool or not isinstance(value, bool))
    return None if is_right else description


# The abstract types include numpy's numbers.
_EXPECTED: dict[frozenset[type], tuple[str, type]] = {
    frozenset({bool}): ("true or false", bool),
    frozenset({int}): ("a whole number", Integral),
    frozenset({float}): ("a number", Real),
    frozenset({int, float}): ("a number", Real),
}


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def check_lowest(name: str, value: Any, lowest: float) -> None:
    """Check that a value is a finite number of at least `lowest`."""
    # Written so that NaN fails.
    if not isinstance(value, Real) or not lowest <= float(value) < math.inf:
        raise InputError(f"{name} = {value!r}: must be a number, {lowest:g} or more")


def check_choice(name: str, value: str, choices: Any) -> None:
    """Check that a value is one of the choices."""
    if value not in choices:
        raise InputError(
            f"{name} = {value!r}: must be one of "
            f"{', '.join(choices)}.{did_you_mean(value, choices)}"
        )


def read_mapping(name: str, value: Any, expected: str) -> dict[str, Any]:
    """Return an option's mapping, given as one, as JSON, as YAML or as None.

    Args:
        name: the option.
        value: its value.
        expected: the form of the mapping, for the message, such as `task -> fields`.

    Raises:
        InputError: if it is neither.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            value = _read_yaml(name, value, error)
    value = {} if value is None else value
    if not isinstance(value, Mapping):
        raise InputError(f"{name} = {value!r}: must be a mapping, {expected}")
    return dict(value)


def _read_yaml(name: str, text: str, not_json: Exception) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"{name}: is neither JSON nor YAML: {not_json}") from not_json


def check_output_columns(name: str, columns: Mapping[Any, Any]) -> None:
    """Check a mapping from columns to the names that they are written under.

    Raises:
        InputError: naming the option, if it is empty, not of texts, or names two columns alike.
    """
    if not columns or not all(isinstance(x, str) for x in (*columns, *columns.values())):
        raise InputError(
            f"{name} = {columns!r}: must be a mapping, column -> the name to write it under"
        )
    if len(set(columns.values())) < len(columns):
        raise InputError(f"{name} = {columns!r}: the names must differ")

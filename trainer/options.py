"""Options: what is said of one, once, beside its field; and checks of values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from types import NoneType
from typing import Any, get_args, get_type_hints

from trainer.errors import InputError, did_you_mean

OTHER = "everything else of transformers.TrainingArguments"


@dataclass(frozen=True)
class OptionInfo:
    """What holds for an option beside its type, its default and its help.

    Attributes:
        group: heading under which the help and the documents list it.
        card: whether a model card shows it: `always`, where it was `changed`, or `never`. One that
            `needs` another is shown wherever it is read.
        resume: whether it may differ when a run goes on: `same`, or `free` for what decides what is
            shown and kept, not what is computed.
        phase: `any`: a phase may have a value of its own; `tasks`: only one that trains tasks;
            `run`: it is the whole run's.
        lowest: lowest value of a number.
        needs: another option and the values of it with which this one is read.
        choices: its values, if a registry has them; the help names what is there when it is shown.
        instead: what to use in a configuration, where it cannot be given by its own name.
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
        default: of the field.
        help: what the option does, for people.
        group, card, resume, phase, lowest, needs, choices, instead: as in `OptionInfo`.
    """
    info = OptionInfo(group, card, resume, phase, lowest, needs, choices, instead)
    return field(default=default, metadata={"help": help, "info": info})


def info_of(declared: Field, inherited: Mapping[str, OptionInfo] | None = None) -> OptionInfo:
    """Return what holds for a field.

    Args:
        declared: the field.
        inherited: name -> info, for fields that a library declares.
    """
    found = declared.metadata.get("info")
    return found or (inherited or {}).get(declared.name, OptionInfo())


def help_of(declared: Field) -> str | None:
    """Return a field's help text, with the names that are registered for it."""
    text, choices = declared.metadata.get("help"), info_of(declared).choices
    return f"{text} Choices: {', '.join(choices)}." if choices else text


def default_of(declared: Field) -> Any:
    """Return a field's default value, made anew if it is made."""
    if declared.default_factory is not MISSING:
        return declared.default_factory()
    return declared.default


def changed(options: Any, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the fields of a dataclass's instance that are not at their default, by name.

    Args:
        options: the instance.
        names: which fields to look at; all if None.
    """
    wanted = None if names is None else set(names)
    return {
        f.name: getattr(options, f.name)
        for f in fields(options)
        if (wanted is None or f.name in wanted) and getattr(options, f.name) != default_of(f)
    }


def is_read(options: Any, info: OptionInfo) -> bool:
    """Return whether an option has an effect beside the values of the others."""
    return info.needs is None or getattr(options, info.needs[0]) in info.needs[1]


def check_options(options: Any, kind: type) -> None:
    """Make sure of what the fields of a class declare: choices, lowest values, and who reads them.

    Args:
        options: an instance of the class, or of one that inherits from it.
        kind: the class.

    Raises:
        InputError: naming the first option that is unknown, too low or has no effect.
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
                f"{getattr(options, other)}; leave it out, or use {other}: {' or '.join(values)}"
            )


def check_types(options: Any, place: str = "") -> None:
    """Make sure that whole numbers, numbers and switches are what their fields are declared as.

    Args:
        options: a dataclass's instance; fields of other types, and those that are None, may be
            anything.
        place: stands before a field's name in the message.

    Raises:
        InputError: naming the first field that is not.
    """
    kind: Any = type(options)
    for name, declared in _types_of(kind).items():
        value = getattr(options, name)
        kinds = frozenset(get_args(declared) or (declared,)) - {NoneType}
        if value is None or kinds not in _WANTED:
            continue
        what, wanted = _WANTED[kinds]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise InputError(f"{place}{name} = {value!r}: must be {what}")


# The abstract types have numpy's numbers, too.
_WANTED: dict[frozenset[type], tuple[str, type]] = {
    frozenset({bool}): ("true or false", bool),
    frozenset({int}): ("a whole number", Integral),
    frozenset({float}): ("a number", Real),
    frozenset({int, float}): ("a number", Real),
}


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def check_lowest(name: str, value: Any, lowest: float) -> None:
    """Make sure that a value is a number and not below another."""
    # Put so that NaN fails, too.
    if not isinstance(value, Real) or not lowest <= float(value) < math.inf:
        raise InputError(f"{name} = {value!r}: must be a number, {lowest:g} or more")


def check_choice(name: str, value: str, choices: Any) -> None:
    """Make sure that a value is one of those that there are."""
    if value not in choices:
        raise InputError(
            f"{name} = {value!r}: must be one of "
            f"{', '.join(choices)}.{did_you_mean(value, choices)}"
        )

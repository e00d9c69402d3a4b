"""Checks of an option's value: its type, its range, its choices."""

from __future__ import annotations

import math
from functools import cache
from numbers import Integral, Real
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from trainer.errors import InputError, nearest

if TYPE_CHECKING:
    pass


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


def check_lowest(name: str, value: Any, lowest: int) -> None:
    """Make sure that a value is a number and not below another."""
    # Put so that NaN fails, too.
    if not isinstance(value, Real) or not lowest <= float(value) < math.inf:
        raise InputError(f"{name} = {value!r}: must be a number, {lowest} or more")


def check_choice(name: str, value: str, choices: Any) -> None:
    """Make sure that a value is one of those that there are."""
    if value not in choices:
        raise InputError(
            f"{name} = {value!r}: must be one of {', '.join(choices)}.{nearest(value, choices)}"
        )

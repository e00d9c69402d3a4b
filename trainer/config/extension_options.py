"""The options that extensions add to a run: dataclasses that they registered."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from transformers import TrainingArguments

from trainer.errors import InputError, nearest
from trainer.options import check_types
from trainer.registry import AGGREGATORS, REGULARIZERS, SAMPLERS, Registry

# The registries whose entries read options of the run; others' stand in a task's entry.
_OF_RUN: tuple[Registry, ...] = (AGGREGATORS, SAMPLERS, REGULARIZERS)


def added_options(own: type) -> dict[str, type]:
    """Return the dataclasses that extensions registered, by the option: those not in `own`.

    Args:
        own: the class of this project's own arguments.

    Raises:
        InputError: if an option is there already, naming the places.
    """
    found: dict[str, type] = {}
    places: dict[str, str] = {}
    for registry in _OF_RUN:
        for name, entry in registry.entries.items():
            kind = entry.options
            if kind is None or issubclass(own, kind):
                continue
            for field in fields(kind):
                taken = "run_mtl.py" if field.name in _names(own) else places.get(field.name)
                if taken is not None and found.get(field.name) is not kind:
                    raise InputError(
                        f"{entry.place}: {registry.what} '{name}': option '{field.name}' is there "
                        f"already, in {taken}; choose another name"
                    )
                found[field.name], places[field.name] = kind, entry.place
    return found


def _names(own: type) -> set[str]:
    return {f.name for f in fields(own)}  # type: ignore[arg-type]


def read_extension_options(given: Any) -> dict[str, Any]:
    """Return options given as a mapping, or as JSON.

    Raises:
        InputError: if they are neither.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except json.JSONDecodeError as error:
            raise InputError(f"extension_options: is not JSON: {error}") from error
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise InputError(f"extension_options: expected option -> value, got {given!r}")
    return dict(given)


def options_of(kind: Any, given: Any) -> Any:
    """Return an instance of a registered dataclass with the values that are given for it.

    Raises:
        InputError: naming the option that is wrong.
    """
    names = {f.name for f in fields(kind)}
    try:
        made = kind(**{name: value for name, value in (given or {}).items() if name in names})
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from error
    check_types(made)
    return made


def check_extension_options(args: TrainingArguments, given: Any) -> None:
    """Make sure that every option is registered, of its type, and read by what is chosen.

    Raises:
        InputError: naming the option.
    """
    known = added_options(type(args))
    given = given or {}
    for name in given:
        if name not in known:
            raise InputError(
                f"extension_options: no extension has an option '{name}' (there are: "
                f"{', '.join(known) or 'none'}).{nearest(name, known)}"
            )
    kinds: list[Any] = list(dict.fromkeys(known.values()))
    for kind in kinds:
        made, plain = options_of(kind, given), options_of(kind, {})
        changed = [f.name for f in fields(kind) if getattr(made, f.name) != getattr(plain, f.name)]
        if changed and not _is_read(kind, args):
            readers = ", ".join(
                f"{registry.option}: {name}" for registry, name in _readers(kind) if registry.option
            )
            raise InputError(f"{changed[0]}: has no effect without {readers}; leave it out")


def _readers(kind: type) -> list[tuple[Registry, str]]:
    return [
        (registry, name)
        for registry in _OF_RUN
        for name, entry in registry.entries.items()
        if entry.options is kind
    ]


def _is_read(kind: type, args: TrainingArguments) -> bool:
    # Whether a regularizer's are read is for `check_regularizers` to say.
    return any(
        registry.option is None or getattr(args, registry.option) == name
        for registry, name in _readers(kind)
    )

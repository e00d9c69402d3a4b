"""Checks of the entries that extensions register, before they are used."""

import inspect
from dataclasses import MISSING, fields, is_dataclass
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from modeling_hybrid_mtl.heads_hybrid_mtl import TaskHead
from modeling_hybrid_mtl.registry_hybrid_mtl import Entry
from trainer.config.composed_options import ComposedOptions
from trainer.data.augmentation.methods import Method
from trainer.errors import InputError, did_you_mean
from trainer.options import check_options, info_of, types_in
from trainer.registry import (
    AGGREGATORS,
    AUGMENTATIONS,
    HEADS,
    LOSS_WEIGHTS,
    LOSSES,
    METRICS,
    REGULARIZERS,
    SAMPLERS,
)

_OF_RUN = (AGGREGATORS, LOSS_WEIGHTS, SAMPLERS, REGULARIZERS)
_OF_TASKS = (HEADS, LOSSES, METRICS, AUGMENTATIONS)
_NUMBERS_AND_TEXT = {int, float, str}


def check_registered() -> None:
    """Check the entries of extensions.

    Raises:
        InputError: naming the entry, and the file and line of its registration.
    """
    for registry in (*_OF_RUN, *_OF_TASKS):
        for name, entry in registry.entries.items():
            if entry.module.startswith(("trainer.", "modeling_hybrid_mtl.")):
                continue
            try:
                _check_value(registry, name, entry)
                if entry.options is not None:
                    _check_options(entry.options, is_of_run=registry in _OF_RUN)
            except Exception as error:  # a user's code may raise anything
                reason = error if isinstance(error, InputError) else repr(error)
                place = f"{entry.place}: {registry.noun} '{name}'"
                raise InputError(f"{place}: {str(reason).removeprefix(f'{place}: ')}") from error


def _check_value(registry: Any, name: str, entry: Entry) -> None:
    value = entry.value
    if not callable(value):
        raise InputError(f"expected a class or a function, got {value!r}")
    if registry is HEADS:
        _check_base(value, TaskHead)
        _check_head(value)
    if registry is AUGMENTATIONS:
        _check_base(value, Method)
        if not is_dataclass(value):
            raise InputError("must be a dataclass: its fields are its options")
    if inspect.isabstract(value):
        missing = ", ".join(sorted(value.__abstractmethods__))
        raise InputError(f"must define the methods {missing}")
    if registry is METRICS and name == "loss":
        raise InputError("eval_TASK_loss is the task's loss; choose another name")
    _check_names("kinds", entry.kinds, HEADS)


def _check_base(value: Any, base: type) -> None:
    if not (isinstance(value, type) and issubclass(value, base)):
        raise InputError(f"must be a class derived from {base.__name__}")


def _check_head(head: type[TaskHead]) -> None:
    if head.forward is TaskHead.forward:
        raise InputError("must define the method forward")
    for name, known in (("losses", LOSSES), ("metrics", METRICS)):
        _check_names(name, getattr(head, name), known)


def _check_names(attribute: str, names: Any, known: Any) -> None:
    if not isinstance(names, (list, tuple)):
        raise InputError(f"{attribute} = {names!r}: must be a tuple of names")
    for name in names:
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise InputError(f"{attribute}: there is no {known.noun} '{name}'.{hint}")


def _check_options(kind: Any, *, is_of_run: bool) -> None:
    """Check a registered dataclass of options: its fields, and its defaults."""
    types = get_type_hints(kind)
    for field in fields(kind):
        place = f"option '{field.name}'"
        if not field.init:
            raise InputError(f"{place}: has init=False, so it cannot be set; leave it out")
        if field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{place}: has no default")
        info = info_of(field)
        if is_of_run and not _is_supported(types[field.name]):
            raise InputError(
                f"{place}: its type {types[field.name]} is not supported; use bool, int, float, "
                "str, a Literal of strings, or a list of int, float or str; with None, if unset"
            )
        if info.choices is not None and not all(isinstance(c, str) for c in info.choices):
            raise InputError(f"{place}: choices = {list(info.choices)!r}: must be strings")
        if info.needs is not None:
            names = [f.name for k in (kind, ComposedOptions) for f in fields(k)]
            _check_needed(place, info.needs[0], names)
    defaults = kind()
    if is_of_run:
        known = {f.name: f.default for f in fields(ComposedOptions)}
        check_options(SimpleNamespace(**{**known, **vars(defaults)}), kind)


def _check_needed(place: str, needed: Any, names: list[str]) -> None:
    if needed not in names:
        hint = did_you_mean(str(needed), names)
        raise InputError(f"{place}: needs = {needed!r}: is not an option.{hint}")


def _is_supported(declared: Any) -> bool:
    """Return whether the command line and a configuration can give values of a type."""
    types = types_in(declared)
    if len(types) != 1:
        return False
    (kind,) = types
    if get_origin(kind) is Literal:
        return all(isinstance(value, str) for value in get_args(kind))
    if get_origin(kind) is list:
        return get_args(kind)[0] in _NUMBERS_AND_TEXT
    return kind is bool or kind in _NUMBERS_AND_TEXT

"""Options that extensions add to a run, as registered dataclasses."""

from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

from trainer.config.run_arguments import RunArguments
from trainer.errors import InputError, did_you_mean
from trainer.options import OptionInfo, changed, check_options, check_types, option
from trainer.registry import AGGREGATORS, LOSS_WEIGHTS, REGULARIZERS, SAMPLERS, Registry

# For a field that an extension declares without `option`.
PLAIN = OptionInfo(group="extensions", card="changed", phase="tasks")
# What a configuration, the command line or a phase uses for something else.
RESERVED = ("help", "tasks", "phases", "name", "objective", "mask_share", "options")
# The registries whose entries have options of the run; the others' options are a task's.
_OF_RUN: tuple[Registry, ...] = (AGGREGATORS, LOSS_WEIGHTS, SAMPLERS, REGULARIZERS)


def added_options(own: type) -> dict[str, type]:
    """Return option -> the dataclass that an extension registered it with.

    Args:
        own: the class of this project's own arguments, whose dataclasses are not among them.

    Raises:
        InputError: if an option exists already, naming both places.
    """
    kinds: dict[str, type] = {}
    places: dict[str, str] = {}
    for registry in _OF_RUN:
        for name, entry in registry.entries.items():
            kind = entry.options
            if kind is None or issubclass(own, kind):
                continue
            for field in fields(kind):
                # Of a flag that is on by default, `no_NAME` is the negation.
                known = {field.name, field.name.removeprefix("no_")}
                taken = "hybrid-mtl" if known & _names(own) else places.get(field.name)
                if taken is not None and kinds.get(field.name) is not kind:
                    raise InputError(
                        f"{entry.place}: {registry.noun} '{name}': option '{field.name}' exists "
                        f"already, in {taken}; choose another name"
                    )
                kinds[field.name], places[field.name] = kind, entry.place
    return kinds


def infos_of_added(own: type) -> dict[str, OptionInfo]:
    """Return option -> its `OptionInfo`, for options of extensions."""
    kinds: Any = dict.fromkeys(added_options(own).values())
    return {f.name: f.metadata.get("info", PLAIN) for kind in kinds for f in fields(kind)}


def _names(own: type) -> set[str]:
    kinds: tuple[Any, ...] = (own, RunArguments)
    return {*RESERVED, *(f.name for kind in kinds for f in fields(kind))}


def options_of(kind: Any, given: Any) -> Any:
    """Return an instance of a registered dataclass with the values that are given for it.

    Raises:
        InputError: naming the option that is wrong.
    """
    names = {f.name for f in fields(kind)}
    try:
        options = kind(**{name: value for name, value in (given or {}).items() if name in names})
    except InputError:
        raise
    except Exception as error:  # a user's code may raise anything
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise InputError(f"extensions: {kind.__module__}.{kind.__name__}: {reason}") from error
    check_types(options)
    return options


@dataclass
class ExtensionOptions:
    """The values of options that extensions registered."""

    extension_options: dict | str | None = option(
        None,
        "Options that extensions have registered -> value. In a config file and on the command "
        "line, give each by its own name.",
        group="run",
        phase="run",
        instead="give each option of an extension by its own name",
    )

    def config_of(self, registry: Registry, name: str) -> Any:
        """Return the options of a registered entry: these arguments, an extension's dataclass, or
        None.

        Raises:
            InputError: naming the extension's option that is wrong.
        """
        kind = registry.entry(name).options
        if kind is None or isinstance(self, kind):
            return None if kind is None else self
        return options_of(kind, self.extension_options)

    def parts_of_extensions(self) -> list[tuple[Any, Any]]:
        """Return each registered dataclass with its values, and a namespace of these and all other
        options.

        Raises:
            InputError: naming the option that is wrong.
        """
        kinds = dict.fromkeys(added_options(type(self)).values())
        parts = [options_of(kind, self.extension_options) for kind in kinds]
        return [(part, SimpleNamespace(**{**vars(self), **vars(part)})) for part in parts]


def check_extension_options(options: ExtensionOptions) -> None:
    """Check that every option is registered, of its type, and has an effect.

    Raises:
        InputError: naming the option.
    """
    registered = added_options(type(options))
    given: Any = options.extension_options or {}
    for name in given:
        if name not in registered:
            raise InputError(
                f"extension_options: no extension has an option '{name}' (there are: "
                f"{', '.join(registered) or 'none'}).{did_you_mean(name, registered)}"
            )
    for part, beside in options.parts_of_extensions():
        check_options(beside, type(part))
        set_here, readers = changed(part), _readers(type(part))
        # `check_regularizers` checks those of regularizers.
        is_read = any(r.option is None or getattr(options, r.option) == n for r, n in readers)
        if set_here and not is_read:
            (name, value), other = next(iter(set_here.items())), str(readers[0][0].option)
            raise InputError(
                f"{name} = {value!r}: has no effect with {other}: {getattr(options, other)}; "
                f"unset it, or use {' or '.join(f'{r.option}: {n}' for r, n in readers)}"
            )


def _readers(kind: type) -> list[tuple[Registry, str]]:
    return [
        (registry, name)
        for registry in _OF_RUN
        for name, entry in registry.entries.items()
        if entry.options is kind
    ]

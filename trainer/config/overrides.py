"""Options of the command line and a configuration's lists: `--tasks.NAME.FIELD` and the like."""

from collections.abc import Container, Mapping
from typing import Any

import yaml

from trainer.config.tasks import DEFAULT_TASKS
from trainer.config.yaml_text import read_yaml
from trainer.errors import InputError, did_you_mean

# ["sentiment", "learning_rate"], 1e-3
Dotted = tuple[list[str], Any]


def split_dotted(arguments: list[str], prefix: str) -> tuple[list[Dotted], list[str]]:
    """Split `--PREFIX.NAME.FIELD value` options from a command line.

    Returns:
        ([NAME, FIELD], value read as YAML) for each of them, and all other arguments.

    Raises:
        InputError: for one that lacks a value, a name or a field.
    """
    dotted: list[Dotted] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith(f"--{prefix}."):
            others.append(argument)
            continue
        option, given, value = argument.partition("=")
        text = value if given else next(rest, None)
        if text is None or (text.startswith("--") and not given):
            raise InputError(f"command line: {option} needs a value")
        path = option.removeprefix(f"--{prefix}.").split(".")
        if len(path) != 2 and (len(path) != 3 or prefix != "tasks" or path[1] != "columns"):
            more = ", or --tasks.NAME.columns.COLUMN value" if prefix == "tasks" else ""
            raise InputError(f"command line: {option}: expected --{prefix}.NAME.FIELD value{more}")
        try:
            dotted.append((path, read_yaml(text)))
        except yaml.YAMLError as error:
            raise InputError(f"command line: {option}: {text!r} is not YAML") from error
    return dotted, others


def override_tasks(entries: Any, options: list[Dotted]) -> Any:
    """Return a configuration's `tasks` with the command line's fields in them.

    Raises:
        InputError: for a task that the configuration does not have.
    """
    entries = dict.fromkeys(DEFAULT_TASKS) if entries is None else entries
    if not isinstance(entries, Mapping):
        return entries  # `read_tasks` refuses them, as below
    entries = dict(entries)
    for (name, *path), value in options:
        if name not in entries:
            raise InputError(
                f"command line: --tasks.{name}: the configuration has no task '{name}' (its tasks: "
                f"{', '.join(entries)}).{did_you_mean(name, entries)}"
            )
        if not isinstance(entries[name] or {}, Mapping):
            continue
        entry = entries[name] = dict(entries[name] or {})
        if len(path) == 1:
            entry[path[0]] = value
            continue
        columns = entry.get("columns") or DEFAULT_TASKS.get(name, {}).get("columns", {})
        if isinstance(columns, Mapping):
            entry["columns"] = {**columns, path[1]: value}
    return entries


def override_phases(entries: Any, options: list[Dotted]) -> Any:
    """Return a configuration's `phases` with the command line's options in them.

    Raises:
        InputError: for a phase that the configuration does not have.
    """
    if not options:
        return entries
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        name = options[0][0][0]
        raise InputError(f"command line: --phases.{name}: the configuration has no list of phases")
    changed = {str(e.get("name", n)): dict(e) for n, e in enumerate(entries, start=1)}
    for (name, option), value in options:
        if name not in changed:
            raise InputError(
                f"command line: --phases.{name}: the configuration has no phase '{name}' (its "
                f"phases: {', '.join(changed)}).{did_you_mean(name, changed)}"
            )
        changed[name][option] = value
    # `read_phases` refuses names that occur twice.
    return list(changed.values()) if len(changed) == len(entries) else entries


def without_options(arguments: list[str], names: Container[str]) -> list[str]:
    """Return a command line without some options and their values."""
    kept: list[str] = []
    dropping = False
    for argument in arguments:
        if argument.startswith("--"):
            dropping = argument[2:].partition("=")[0].replace("-", "_") in names
        if not dropping:
            kept.append(argument)
    return kept

"""The options of a trial: a base configuration with the changes of a variant and of the space."""

import copy
from collections.abc import Mapping
from typing import Any

from trainer.config.tasks import DEFAULT_TASKS
from trainer.errors import InputError, did_you_mean


def merge(base: Mapping[str, Any], *changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with changes, of which later ones win.

    An option replaces that of the base, but `tasks` and its tasks are merged field by field.
    `tasks.NAME.FIELD` is a field of a task, and `omit_tasks` lists tasks to leave out.

    Args:
        base: option -> value, as in a configuration file.
        changes: option -> value.

    Raises:
        InputError: for a task that the base does not have.
    """
    merged = copy.deepcopy(dict(base))
    if merged.get("tasks") is None and any(_names_tasks(change) for change in changes):
        merged["tasks"] = dict.fromkeys(DEFAULT_TASKS)
    for change in changes:
        for option, value in change.items():
            if option == "tasks" and isinstance(value, Mapping):
                for task, fields in value.items():
                    _merge_task(merged, str(task), fields)
            elif not isinstance(option, str):
                raise InputError(f"{option!r}: expected the name of an option")
            elif option.startswith("tasks."):
                _set_field(merged, option, value)
            elif option == "omit_tasks":
                _omit(merged, value)
            else:
                merged[option] = copy.deepcopy(value)
    return merged


def _names_tasks(change: Mapping[str, Any]) -> bool:
    return any(o == "omit_tasks" or str(o).startswith("tasks.") for o in change)


def _merge_task(merged: dict[str, Any], task: str, fields: Any) -> None:
    tasks = merged.setdefault("tasks", {})
    old = tasks.get(task)
    if isinstance(old, Mapping) and isinstance(fields, Mapping):
        fields = {**old, **fields}
    tasks[task] = copy.deepcopy(fields)


def _set_field(merged: dict[str, Any], option: str, value: Any) -> None:
    _, task, *path = option.split(".")
    if len(path) != 1:
        raise InputError(f"{option}: expected tasks.NAME.FIELD")
    _check_task(merged, option, task)
    entry = merged["tasks"][task]
    if not isinstance(entry or {}, Mapping):
        raise InputError(f"tasks: {task} = {entry!r}: expected FIELD: value")
    merged["tasks"][task] = {**(merged["tasks"][task] or {}), path[0]: copy.deepcopy(value)}


def _omit(merged: dict[str, Any], names: Any) -> None:
    for name in names if isinstance(names, list) else [names]:
        if not isinstance(name, str):
            raise InputError(f"omit_tasks = {names!r}: expected a list of tasks")
        _check_task(merged, "omit_tasks", name)
        del merged["tasks"][name]


def _check_task(merged: Mapping[str, Any], option: str, task: Any) -> None:
    tasks = merged.get("tasks") or {}
    if task not in tasks:
        raise InputError(
            f"{option}: the base configuration has no task '{task}' (its tasks: "
            f"{', '.join(tasks) or 'none'}).{did_you_mean(str(task), tasks)}"
        )

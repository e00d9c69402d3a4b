"""The choice of some of a configuration's tasks: `--tasks NAME[,NAME ...]`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from trainer.config.tasks import DEFAULT_TASKS
from trainer.errors import InputError, did_you_mean

OPTION = "--tasks"
# Options that are lists of tasks.
_LISTS = ("task_order", "task_sequence", "auxiliary_tasks", "main_tasks")


def split_selection(arguments: Sequence[str]) -> tuple[list[str] | None, list[str]]:
    """Split `--tasks NAME[,NAME ...]` from a command line.

    Returns:
        the names, None if the option is not there, and all other arguments.

    Raises:
        InputError: if the option has no name.
    """
    names: list[str] | None = None
    others: list[str] = []
    is_value = False
    for argument in arguments:
        option, sign, value = argument.partition("=")
        if argument.startswith("--"):
            is_value = option == OPTION
            names = [] if is_value else names
            text = value if is_value and sign else ""
        else:
            text = argument
        if is_value:
            names = [*(names or []), *(n.strip() for n in text.split(",") if n.strip())]
        else:
            others.append(argument)
    if names is not None and not names:
        raise InputError(f"command line: {OPTION}: name one task or several: {OPTION} NAME,NAME")
    return names, others


def select_tasks(config: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return a configuration with some of its tasks.

    Lists of tasks and phases lose the others; a line that is printed says which.

    Args:
        config: option -> value, as in a configuration file.
        names: the tasks to keep, which stay in the configuration's order.

    Raises:
        InputError: for a task that the configuration does not have.
    """
    selected = dict(config)
    tasks = dict.fromkeys(DEFAULT_TASKS) if config.get("tasks") is None else config["tasks"]
    if not isinstance(tasks, Mapping):
        return selected  # which `read_tasks` refuses
    for name in names:
        if name not in tasks:
            raise InputError(
                f"command line: {OPTION}: the configuration has no task '{name}' (its tasks: "
                f"{', '.join(map(str, tasks))}).{did_you_mean(name, map(str, tasks))}"
            )
    omitted = [str(name) for name in tasks if str(name) not in names]
    selected["tasks"] = {
        str(name): _without_sources(entry, omitted)
        for name, entry in tasks.items()
        if str(name) in names
    }
    for option in _LISTS:
        if isinstance(config.get(option), list):
            kept = [task for task in config[option] if task not in omitted]
            selected[option] = kept or None
    if isinstance(config.get("phases"), list):
        phases = [_phase(phase, omitted) for phase in config["phases"]]
        selected["phases"] = [phase for phase in phases if phase is not None] or None
    changed = [name for name in (*_LISTS, "phases") if selected.get(name) != config.get(name)]
    if changed:
        print(f"{OPTION}: {', '.join(changed)} without {', '.join(omitted)}", flush=True)
    return selected


def _without_sources(entry: Any, omitted: Collection[str]) -> Any:
    """Return a task's entry, its `source_tasks` without the tasks that are left out."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("source_tasks"), list):
        return entry
    return {**entry, "source_tasks": [t for t in entry["source_tasks"] if t not in omitted]}


def _phase(phase: Any, omitted: Collection[str]) -> Any:
    """Return a phase without the tasks that are left out, None if it has no other."""
    tasks = phase.get("tasks") if isinstance(phase, Mapping) else None
    if isinstance(tasks, str):
        tasks = [tasks]
    if isinstance(tasks, Mapping):
        kept: Any = {name: fields for name, fields in tasks.items() if name not in omitted}
    elif isinstance(tasks, list):
        kept = [name for name in tasks if name not in omitted]
    else:
        return phase
    return {**phase, "tasks": kept} if kept else None

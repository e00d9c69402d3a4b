"""The phases of a run, as a configuration lists them."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from trainer.config.extension_options import infos_of_added
from trainer.config.inherited_arguments import INHERITED
from trainer.config.run_arguments import RunArguments
from trainer.config.tasks import coerce
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.errors import InputError, did_you_mean
from trainer.optimization import TaskTraining
from trainer.options import info_of

MASK_SHARE = 0.15  # as in BERT's pretraining
OBJECTIVES = ("tasks", "masked_language_modeling")
# Option -> `run`, `tasks` or `any`: see `OptionInfo`.
_PHASE = {
    f.name: info_of(f, INHERITED).phase
    for kind in (RunArguments, HybridMTLTrainingArguments)
    for f in fields(kind)
}
_OF_RUN = ("auxiliary", "main_metric", "score_weight")
_TASK_FIELDS = {f.name: f.type for f in fields(TaskTraining) if f.name not in _OF_RUN}


@dataclass
class PhaseEntry:
    """A phase of training, as a configuration lists it.

    Attributes:
        name: of the phase; its number, from 1, if unset.
        tasks: the tasks that are trained (or whose texts are read) -> its fields that differ
            from the task's entry; all tasks if unset.
        objective: `tasks`, or `masked_language_modeling` for the encoder on the tasks' texts.
        options: training arguments that differ from the run's.
        mask_share: for masked language modeling, the share of tokens to predict.
    """

    name: str
    tasks: dict[str, dict[str, Any]]
    objective: str = "tasks"
    mask_share: float = MASK_SHARE
    options: dict[str, Any] = field(default_factory=dict)

    def resolved(self) -> dict[str, Any]:
        """Return the phase in the form of a configuration file."""
        entry: dict[str, Any] = {
            "name": self.name,
            "objective": self.objective,
            "tasks": self.tasks,
        }
        if self.objective != "tasks":
            entry["mask_share"] = self.mask_share
        return {**entry, **self.options}


def read_phases(entries: Any, tasks: Iterable[str]) -> list[PhaseEntry]:
    """Check a configuration's `phases`.

    Args:
        entries: a list of mappings with `name`, `tasks`, `objective` and training arguments; None
            for a run without phases.
        tasks: the tasks of the configuration.

    Raises:
        InputError: naming the phase and the field that is wrong.
    """
    if entries is None:
        return []
    if not isinstance(entries, list) or not entries:
        raise InputError(f"phases = {entries!r}: must be a list with an entry for every phase")
    phases = [_read(number, entry, list(tasks)) for number, entry in enumerate(entries, start=1)]
    names = [phase.name for phase in phases]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"phases: two are called '{name}'; give each a name of its own")
    if phases[-1].objective != "tasks":
        raise InputError(
            f"phase '{names[-1]}': objective = '{phases[-1].objective}' changes the encoder after "
            "the heads were trained; add a phase that trains the tasks"
        )
    return phases


def _read(number: int, entry: Any, tasks: list[str]) -> PhaseEntry:
    if not isinstance(entry, Mapping):
        raise InputError(f"phases: entry {number}: expected a mapping of options, got {entry!r}")
    options = {str(key): value for key, value in entry.items()}
    name = str(options.pop("name", number))
    if not re.fullmatch(r"\w[\w-]{0,59}", name):
        raise InputError(
            f"phases: name '{name}': use letters, digits, '_' and '-' only, at most 60"
        )
    place = f"phase '{name}'"
    objective = str(options.pop("objective", OBJECTIVES[0]))
    if objective not in OBJECTIVES:
        raise InputError(
            f"{place}: objective = '{objective}': must be one of {', '.join(OBJECTIVES)}."
            f"{did_you_mean(objective, OBJECTIVES)}"
        )
    share = coerce(options.pop("mask_share", MASK_SHARE), float, f"{place}: mask_share")
    if objective == "tasks" and share != MASK_SHARE:
        raise InputError(f"{place}: mask_share has no effect with objective: {objective}")
    if not 0 < share < 1:
        raise InputError(f"{place}: mask_share = {share}: must be between 0 and 1")
    chosen = _read_tasks(place, options.pop("tasks", None), tasks)
    if "lr_scheduler_type" in options:
        # The run's options belong to another schedule.
        options.setdefault("lr_scheduler_kwargs", None)
    _check_options(place, options, objective)
    if objective != "tasks" and any(chosen.values()):
        raise InputError(f"{place}: tasks: their fields have no effect with objective: {objective}")
    return PhaseEntry(name, chosen, objective, share, options)


def _check_options(place: str, options: Collection[str], objective: str) -> None:
    added = infos_of_added(HybridMTLTrainingArguments)
    phases = {**_PHASE, **{name: info.phase for name, info in added.items()}}
    for key in options:
        if key not in phases:
            names = [name for name, phase in phases.items() if phase != "run"]
            names += ["name", "tasks", "objective", "mask_share"]
            raise InputError(f"{place}: unknown option '{key}'.{did_you_mean(key, names)}")
        if phases[key] == "run":
            raise InputError(f"{place}: '{key}' is the whole run's; set it outside of phases")
        if objective != "tasks" and phases[key] == "tasks":
            raise InputError(f"{place}: '{key}' has no effect with objective: {objective}")


def _read_tasks(place: str, given: Any, tasks: list[str]) -> dict[str, dict[str, Any]]:
    if given is None:
        return {task: {} for task in tasks}
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, (list, Mapping)) or not given:
        raise InputError(
            f"{place}: tasks = {given!r}: must be a list of names, or names with fields"
        )
    chosen: dict[str, dict[str, Any]] = {}
    for task in given:
        if task not in tasks:
            raise InputError(
                f"{place}: no task '{task}' in the configuration ({', '.join(tasks)})."
                f"{did_you_mean(str(task), tasks)}"
            )
        task_fields = given[task] if isinstance(given, Mapping) else None
        chosen[task] = _read_fields(f"{place}: task '{task}'", task_fields)
    return chosen


def _read_fields(place: str, given: Any) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise InputError(f"{place}: expected fields, got {given!r}")
    read = {}
    for key, value in (given or {}).items():
        if key not in _TASK_FIELDS:
            raise InputError(
                f"{place}: '{key}' cannot change from phase to phase; these can: "
                f"{', '.join(_TASK_FIELDS)}.{did_you_mean(str(key), _TASK_FIELDS)}"
            )
        read[key] = coerce(value, _TASK_FIELDS[key], f"{place}: field '{key}'")
    return read

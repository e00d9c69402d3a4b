"""What the help says: the index of all options, and of the fields of tasks and phases."""

import functools
import inspect
import re
from collections.abc import Container
from dataclasses import Field, fields
from typing import Any, get_args, get_origin, get_type_hints

from transformers import TrainingArguments

from modeling_hybrid_mtl import TaskConfig
from trainer.config.extension_options import added_options, infos_of_added
from trainer.config.help_format import Index
from trainer.config.inherited_arguments import INHERITED
from trainer.config.inherited_help import INHERITED_HELP
from trainer.config.phases import PhaseEntry
from trainer.config.run_arguments import RunArguments
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data.augmentation import TaskAugmentation
from trainer.data.derived_labels import DerivedLabels
from trainer.data.task_source import TaskSource
from trainer.optimization import TaskTraining
from trainer.options import OTHER, default_of, help_of, info_of, types_in

# The groups of options, in the order of the help and of the documents.
GROUPS = (
    "model",
    "data",
    "run",
    "cycle",
    "optimization",
    "objective",
    "evaluation",
    "checkpoints and logs",
    "the Hub",
    "precision and hardware",
    OTHER,
)
KINDS = (RunArguments, HybridMTLTrainingArguments)
_PLACEHOLDERS: dict[Any, str] = {bool: "true|false", int: "N", float: "NUMBER"}
_INHERITED_NAMES = {f.name for f in fields(TrainingArguments)}


def option_index(hidden: Container[str] = ()) -> Index:
    """Return the index of the options, those of loaded extensions included.

    Args:
        hidden: options that have no effect on a run.
    """
    added = dict.fromkeys(added_options(HybridMTLTrainingArguments).values())
    infos = {**INHERITED, **infos_of_added(HybridMTLTrainingArguments)}
    names = dict.fromkeys([*GROUPS, *(info.group for info in infos.values())])
    groups: dict[str, list[dict[str, str]]] = {
        name: [] for name in sorted(names, key=lambda name: name == OTHER)
    }
    for kind in (*KINDS, *added):
        types = get_type_hints(kind)
        for declared in fields(kind):
            meaning = meaning_of(declared)
            if declared.name not in hidden and meaning is not None:
                option = {
                    "name": declared.name,
                    "value": placeholder(types[declared.name]),
                    "default": shown_default(default_of(declared)),
                    "help": " ".join(meaning.replace("%%", "%").split()),
                }
                groups[info_of(declared, infos).group].append(option)
    return {
        "groups": {name: options for name, options in groups.items() if options},
        "task_fields": task_fields(),
        "phase_fields": phase_fields(),
    }


def meaning_of(declared: Field) -> str | None:
    """Return the help of an option, None for an inherited one that nearly no run needs."""
    if "info" in declared.metadata or declared.name not in _INHERITED_NAMES:
        return help_of(declared) or ""
    return INHERITED_HELP.get(declared.name)


def placeholder(declared: Any) -> str:
    """Return what stands for a value of a type in the help."""
    types = types_in(declared)
    lists = [kind for kind in types if get_origin(kind) is list]
    if lists:
        return f"{placeholder(get_args(lists[0])[0])} ..."
    if float in types:
        return _PLACEHOLDERS[float]
    return _PLACEHOLDERS.get(next(iter(types)), "VALUE") if len(types) == 1 else "VALUE"


def shown_default(value: Any) -> str:
    """Return a default as YAML has it, an empty text for None."""
    if value is None:
        return ""
    value = getattr(value, "value", value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def task_fields() -> dict[str, str]:
    """Return field of a task's entry -> help."""
    meanings: dict[str, str] = {}
    for part in (TaskConfig, TaskSource, DerivedLabels, TaskAugmentation, TaskTraining):
        meanings.update(documented(part))
    return meanings


def phase_fields() -> dict[str, str]:
    """Return field of a phase's entry -> help, apart from the options that it may change."""
    return {name: meaning for name, meaning in documented(PhaseEntry).items() if name != "options"}


@functools.cache
def documented(kind: type) -> dict[str, str]:
    """Return field -> help, from the docstring of its class."""
    meanings: dict[str, str] = {}
    _, _, attributes = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    for entry in re.split(r"\n(?=    \w)", attributes.rstrip()):
        name, _, meaning = entry.partition(":")
        meanings[name.strip()] = " ".join(meaning.replace("`", "'").split())
    return meanings

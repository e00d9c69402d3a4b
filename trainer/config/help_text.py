"""The parser of options, with its help by purpose, and help on the fields of tasks and phases."""

import argparse
import copy
import dataclasses
import functools
import inspect
import re
from collections.abc import Mapping
from typing import Any, NoReturn, get_origin

from transformers import HfArgumentParser

from modeling_hybrid_mtl import TaskConfig
from trainer.config.extension_options import infos_of_added
from trainer.config.inherited_arguments import INHERITED
from trainer.config.phases import PhaseEntry
from trainer.config.training_arguments import HybridMTLTrainingArguments
from trainer.data.augmentation import TaskAugmentation
from trainer.data.derived_labels import DerivedLabels
from trainer.data.task_source import TaskSource
from trainer.errors import InputError
from trainer.optimization import TaskTraining
from trainer.options import OTHER, help_of, info_of

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


class OptionParser(HfArgumentParser):
    """A parser of dataclasses of options, with a group in the help for each of `GROUPS`.

    Groups that only extensions name come before the last.

    Args:
        kinds: the dataclasses.
        hidden: options that the help does not show.
        **options: of `ArgumentParser`.
    """

    def __init__(self, kinds: Any, *, hidden: Mapping[str, str], **options: Any):
        self._hidden = hidden
        added = infos_of_added(HybridMTLTrainingArguments)
        self._infos, self._added = {**INHERITED, **added}, set(added)
        self._groups: dict[str, Any] = {}
        self._lists: set[str] = set()
        self.known_options = ["help"]
        formatter = argparse.ArgumentDefaultsHelpFormatter
        super().__init__([], formatter_class=formatter, allow_abbrev=False, **options)
        names = dict.fromkeys([*GROUPS, *(info.group for info in added.values())])
        for name in sorted(names, key=lambda name: name == OTHER):  # which keeps their order
            self._groups[name] = self.add_argument_group(name)
        for kind in kinds:
            # Those of extensions are parsed into a namespace, since not all options are set there.
            if not self._added & {f.name for f in dataclasses.fields(kind)}:
                self.dataclass_types.append(kind)
            self._add_dataclass_arguments(kind)
        self._describe_fields()

    def _parse_dataclass_field(self, parser: Any, declared: dataclasses.Field) -> None:
        # `HfArgumentParser` calls this for each field and passes all of its metadata to argparse.
        plain = copy.copy(declared)
        hidden = declared.name in self._hidden
        help_text = argparse.SUPPRESS if hidden else help_of(declared)
        if declared.name in self._added and help_text:
            help_text = help_text.replace("%", "%%")
        plain.metadata = {"help": help_text}  # type: ignore[assignment]
        group = info_of(declared, self._infos).group
        super()._parse_dataclass_field(self._groups[group], plain)
        names = [declared.name]
        if declared.default is True:
            names.append(f"no_{declared.name}")
        self.known_options += names + [name.replace("_", "-") for name in names]
        if get_origin(plain.type) is list:
            self._lists.add(declared.name)

    def takes_several(self, name: str) -> bool:
        """Return whether an option takes several values, separated by spaces."""
        return name in self._lists

    def error(self, message: str) -> NoReturn:
        """Raise `InputError` rather than end the process."""
        raise InputError(f"{message} (--help lists all options)")

    def _describe_fields(self) -> None:
        """List the fields of a task and of a phase, whose names are the user's."""
        tasks = self.add_argument_group(
            "task fields", "A value is YAML: --tasks.sentiment.hidden_sizes '[384]'."
        )
        phases = self.add_argument_group(
            "phase fields",
            "'phases' in CONFIG.yaml is a list of mappings with these fields and any training "
            "option that differs in the phase: --phases.NAME.learning_rate 1e-5.",
        )
        listed = ((tasks, "tasks", task_fields()), (phases, "phases", phase_fields()))
        for group, flag, meanings in listed:
            for name, meaning in meanings.items():
                group.add_argument(
                    f"--{flag}.NAME.{name}",
                    metavar="VALUE",
                    help=meaning.replace("%", "%%"),
                    default=argparse.SUPPRESS,
                )


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

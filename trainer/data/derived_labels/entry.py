"""The fields of a task's entry for labels derived from other tasks' texts."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from datasets import Dataset

from trainer.data.augmentation import TaskAugmentation
from trainer.data.checked_split import CheckedSplit
from trainer.data.derived_labels.base import LabelGenerator
from trainer.data.derived_labels.part_of_speech import PART_OF_SPEECH
from trainer.data.derived_labels.source import SOURCE
from trainer.data.derived_labels.texts import sample, texts_by_task
from trainer.data.task_source import TaskSource
from trainer.errors import InputError, did_you_mean

LABEL_GENERATORS: dict[str, LabelGenerator] = {"part_of_speech": PART_OF_SPEECH, "source": SOURCE}


@dataclass
class DerivedLabels:
    """Labels derived from the texts of other tasks, for a task without data of its own.

    Attributes:
        label_generator: `part_of_speech` (of each word, by a tagger) or `source` (the task whose
            rows contain a text), instead of a dataset. It determines kind and labels.
        source_tasks: the tasks that provide the texts, training texts for training and validation
            texts for validation; if unset, all tasks with data of their own.
        max_rows: maximum number of generated training rows, drawn at random and evenly from the
            tasks; all if unset.
        max_validation_rows: maximum number of generated validation rows; without `label_generator`,
            see `TaskTraining`.
    """

    label_generator: str | None = None
    source_tasks: list[str] | None = None
    max_rows: int | None = None
    max_validation_rows: int | None = None

    def check(self) -> None:
        """Check that the requirements of the label generator are installed.

        Raises:
            InputError: with the command that installs them.
        """
        if self.label_generator is not None:
            LABEL_GENERATORS[self.label_generator].check()

    def split(
        self, name: str, part: str, labels: Sequence[str], splits: Mapping[str, Dataset], seed: int
    ) -> CheckedSplit:
        """Return one split of the task.

        Args:
            name: the task's name.
            part: `train` or `validation`.
            labels: the task's class names.
            splits: source task -> its rows of this split.
            seed: the seed of the run's data.

        Raises:
            InputError: if there is no row.
        """
        texts = texts_by_task({task: splits[task] for task in self.source_tasks or ()})
        limit = self.max_rows if part == "train" else self.max_validation_rows
        texts = sample(texts, limit, [seed, zlib.crc32(f"{name} {part}".encode())])
        split = LABEL_GENERATORS[str(self.label_generator)].make(texts, labels, f"{name} {part}")
        if not len(split.rows):
            raise InputError(f"task '{name}': no {part} row results from {len(texts)} texts")
        return split


# Fields that apply only to tasks with data of their own -> default.
_DATA_DEFAULTS = {
    "input": "single",
    "pair_encoding": None,
    **{
        f.name: f.default if f.default_factory is MISSING else f.default_factory()
        for part in (TaskSource, TaskAugmentation)
        for f in fields(part)
    },
}

_LIMITS = ("max_rows", "max_validation_rows")


def complete_entry(name: str, entry: dict[str, Any], data_tasks: Collection[str]) -> dict[str, Any]:
    """Return a task's entry, completed with kind, labels and `source_tasks` if labels are derived.

    Args:
        name: the task's name.
        entry: its fields, with checked types.
        data_tasks: the tasks with data of their own.

    Raises:
        InputError: naming the task and the field that is invalid or does not apply.
    """
    generator = entry.get("label_generator")
    if generator is None:
        for field in ("source_tasks", "max_rows"):
            if field in entry:
                raise _error(name, entry, field, "has no effect without label_generator")
        return entry
    if generator not in LABEL_GENERATORS:
        choices = ", ".join(LABEL_GENERATORS)
        hint = did_you_mean(generator, LABEL_GENERATORS)
        raise _error(name, entry, "label_generator", f"must be one of {choices}.{hint}")
    for field, default in _DATA_DEFAULTS.items():
        if entry.get(field, default) != default:
            reason = f"has no effect with label_generator: {generator}; unset it"
            raise _error(name, entry, field, reason)
    for field in _LIMITS:
        if entry.get(field, 1) < 1:
            raise _error(name, entry, field, "must be 1 or more")
    entry = {**entry, "source_tasks": _source_tasks(name, entry, data_tasks)}
    return _with_kind_and_labels(name, entry, LABEL_GENERATORS[generator])


def _error(name: str, entry: dict[str, Any], field: str, reason: str) -> InputError:
    return InputError(f"task '{name}': field '{field}' = {entry[field]!r}: {reason}")


def _source_tasks(name: str, entry: dict[str, Any], data_tasks: Collection[str]) -> list[str]:
    """Return the tasks from whose texts the labels are derived; by default all with data."""
    sources = entry.get("source_tasks", list(data_tasks))
    for task in sources:
        if task not in data_tasks:
            choices = ", ".join(data_tasks) or "there is none"
            reason = f"'{task}' is not a task with data of its own ({choices})."
            raise _error(name, entry, "source_tasks", reason + did_you_mean(task, data_tasks))
    if not sources or len(set(sources)) < len(sources):
        raise InputError(f"task '{name}': source_tasks: name at least one task, and each once")
    return sources


def _with_kind_and_labels(
    name: str, entry: dict[str, Any], generator: LabelGenerator
) -> dict[str, Any]:
    labels = generator.labels(entry["source_tasks"])
    where = f"label_generator: {entry['label_generator']}"
    if sorted(entry.get("labels", labels)) != sorted(labels):
        raise InputError(
            f"task '{name}': field 'labels': {where} gives {', '.join(labels)}; unset the field"
        )
    if entry.get("kind", generator.kind) != generator.kind:
        raise InputError(
            f"task '{name}': field 'kind' = '{entry['kind']}': {where} gives a {generator.kind}; "
            f"unset the field"
        )
    if len(labels) < 2:
        raise InputError(f"task '{name}': {where} needs the texts of two tasks")
    return {"kind": generator.kind, "labels": labels, **entry}

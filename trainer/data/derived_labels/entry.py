"""What a task's entry says about labels that are made from the texts of other tasks."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from datasets import Dataset

from trainer.data.augmentation import TaskAugmentation
from trainer.data.columns import CheckedSplit
from trainer.data.derived_labels.base import LabelGenerator
from trainer.data.derived_labels.part_of_speech import PART_OF_SPEECH
from trainer.data.derived_labels.source import SOURCE
from trainer.data.derived_labels.texts import sample, texts_by_task
from trainer.data.sources import TaskSource
from trainer.errors import InputError, did_you_mean

LABEL_GENERATORS: dict[str, LabelGenerator] = {"part_of_speech": PART_OF_SPEECH, "source": SOURCE}


@dataclass
class DerivedLabels:
    """Labels made from the texts of other tasks, for a task without data of its own.

    Attributes:
        label_generator: `part_of_speech` (each word's, by a tagger) or `source` (in which task's
            rows a text stands), instead of a dataset. Kind and labels follow from it.
        source_tasks: the tasks whose texts are read, training texts for training and validation
            texts for validation; all tasks with data of their own when left out.
        max_rows: most training rows that are made, drawn at random and evenly from the tasks; all
            when left out.
        max_validation_rows: the same of the validation rows; without `label_generator`, see
            `TaskTraining`.
    """

    label_generator: str | None = None
    source_tasks: list[str] | None = None
    max_rows: int | None = None
    max_validation_rows: int | None = None

    def check(self) -> None:
        """Make sure that what makes the labels is installed.

        Raises:
            InputError: saying how to install it.
        """
        if self.label_generator is not None:
            LABEL_GENERATORS[self.label_generator].check()

    def split(
        self, name: str, part: str, labels: Sequence[str], splits: Mapping[str, Dataset], seed: int
    ) -> CheckedSplit:
        """One split of the task.

        Args:
            name: the task's name.
            part: `train` or `validation`.
            labels: the task's class names.
            splits: task -> its own rows of this split.
            seed: of the run's data.

        Raises:
            InputError: if no row comes of it.
        """
        texts = texts_by_task({task: splits[task] for task in self.source_tasks or ()})
        most = self.max_rows if part == "train" else self.max_validation_rows
        texts = sample(texts, most, [seed, zlib.crc32(f"{name} {part}".encode())])
        made = LABEL_GENERATORS[str(self.label_generator)].make(texts, labels, f"{name} {part}")
        if not len(made.rows):
            raise InputError(f"task '{name}': no {part} row comes of {len(texts)} texts")
        return made


# Fields that only data of a task's own gives a meaning, with the value that says nothing.
_OF_OWN_DATA = {
    "input": "single",
    "pair_encoding": None,
    **{
        f.name: f.default if f.default_factory is MISSING else f.default_factory()
        for part in (TaskSource, TaskAugmentation)
        for f in fields(part)
    },
}

_LIMITS = ("max_rows", "max_validation_rows")


def complete_entry(name: str, entry: dict[str, Any], own: Collection[str]) -> dict[str, Any]:
    """A task's entry with what follows from `label_generator`: kind, labels and `source_tasks`.

    Args:
        name: the task's name.
        entry: its fields, each of its type.
        own: the tasks with data of their own.

    Raises:
        InputError: naming the task and the field that is wrong or has no meaning here.
    """

    def refuse(field: str, why: str) -> InputError:
        return InputError(f"task '{name}': field '{field}' = {entry[field]!r}: {why}")

    if entry.get("label_generator") is None:
        for field in ("source_tasks", "max_rows"):
            if field in entry:
                raise refuse(field, "has no effect without label_generator")
        return entry
    way, known = entry["label_generator"], ", ".join(LABEL_GENERATORS)
    if way not in LABEL_GENERATORS:
        raise refuse(
            "label_generator", f"must be one of {known}.{did_you_mean(way, LABEL_GENERATORS)}"
        )
    for field, nothing in _OF_OWN_DATA.items():
        if entry.get(field, nothing) != nothing:
            raise refuse(field, f"has no meaning with label_generator: {way}; leave it out")
    for field in _LIMITS:
        if entry.get(field, 1) < 1:
            raise refuse(field, "must be 1 or more")
    read = entry.get("source_tasks", list(own))
    for task in read:
        if task not in own:
            why = f"'{task}' is no task with data of its own ({', '.join(own) or 'there is none'})."
            raise refuse("source_tasks", why + did_you_mean(task, own))
    if not read or len(set(read)) < len(read):
        raise InputError(f"task '{name}': source_tasks: name one task at least, and each once")
    return _with_outputs(name, {**entry, "source_tasks": read}, LABEL_GENERATORS[way])


def _with_outputs(name: str, entry: dict[str, Any], maker: LabelGenerator) -> dict[str, Any]:
    """The entry with its kind and labels; what is given must be the same."""
    labels = maker.labels(entry["source_tasks"])
    made = {"kind": maker.kind, "labels": labels}
    if sorted(entry.get("labels", labels)) != sorted(labels):
        raise InputError(
            f"task '{name}': field 'labels': label_generator: {entry['label_generator']} gives "
            f"{', '.join(labels)}; leave the field out"
        )
    if entry.get("kind", maker.kind) != maker.kind:
        raise InputError(
            f"task '{name}': field 'kind' = '{entry['kind']}': label_generator: "
            f"{entry['label_generator']} gives a {maker.kind}; leave the field out"
        )
    if len(labels) < 2:
        raise InputError(
            f"task '{name}': label_generator: {entry['label_generator']} needs the texts of two "
            "tasks"
        )
    return {**made, **entry}

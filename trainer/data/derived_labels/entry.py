"""What a task's entry says about labels that are made from the texts of other tasks."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from datasets import Dataset

from trainer.data.augmentation import TaskAugmentation
from trainer.data.columns import CheckedSplit
from trainer.data.derived_labels.base import LabelMaker
from trainer.data.derived_labels.part_of_speech import PART_OF_SPEECH
from trainer.data.derived_labels.source import SOURCE
from trainer.data.derived_labels.texts import sample, texts_of
from trainer.data.sources import TaskSource
from trainer.errors import InputError, nearest

LABEL_MAKERS: dict[str, LabelMaker] = {"part_of_speech": PART_OF_SPEECH, "source": SOURCE}


@dataclass
class MadeLabels:
    """Labels made from the texts of other tasks, for a task without data of its own.

    Attributes:
        make_labels: `part_of_speech` (each word's, by a tagger) or `source` (in which task's rows
            a text stands), instead of a dataset. Kind and labels follow from it.
        texts_of: the tasks whose texts are read, training texts for training and validation
            texts for validation; all tasks with data of their own when left out.
        max_rows: most training rows that are made, drawn at random and evenly from the tasks; all
            when left out.
        max_validation_rows: the same of the validation rows; without `make_labels`, see
            `TaskTraining`.
    """

    make_labels: str | None = None
    texts_of: list[str] | None = None
    max_rows: int | None = None
    max_validation_rows: int | None = None

    def check(self) -> None:
        """Make sure that what makes the labels is installed.

        Raises:
            InputError: saying how to install it.
        """
        if self.make_labels is not None:
            LABEL_MAKERS[self.make_labels].check()

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
        texts = texts_of({task: splits[task] for task in self.texts_of or ()})
        most = self.max_rows if part == "train" else self.max_validation_rows
        texts = sample(texts, most, [seed, zlib.crc32(f"{name} {part}".encode())])
        made = LABEL_MAKERS[str(self.make_labels)].make(texts, labels, f"{name} {part}")
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
    """A task's entry with what follows from `make_labels`: kind, labels and `texts_of`.

    Args:
        name: the task's name.
        entry: its fields, each of its type.
        own: the tasks with data of their own.

    Raises:
        InputError: naming the task and the field that is wrong or has no meaning here.
    """

    def refuse(field: str, why: str) -> InputError:
        return InputError(f"task '{name}': field '{field}' = {entry[field]!r}: {why}")

    if entry.get("make_labels") is None:
        for field in ("texts_of", "max_rows"):
            if field in entry:
                raise refuse(field, "has no effect without make_labels")
        return entry
    way, known = entry["make_labels"], ", ".join(LABEL_MAKERS)
    if way not in LABEL_MAKERS:
        raise refuse("make_labels", f"must be one of {known}.{nearest(way, LABEL_MAKERS)}")
    for field, nothing in _OF_OWN_DATA.items():
        if entry.get(field, nothing) != nothing:
            raise refuse(field, f"has no meaning with make_labels: {way}; leave it out")
    for field in _LIMITS:
        if entry.get(field, 1) < 1:
            raise refuse(field, "must be 1 or more")
    read = entry.get("texts_of", list(own))
    for task in read:
        if task not in own:
            why = f"'{task}' is no task with data of its own ({', '.join(own) or 'there is none'})."
            raise refuse("texts_of", why + nearest(task, own))
    if not read or len(set(read)) < len(read):
        raise InputError(f"task '{name}': texts_of: name one task at least, and each once")
    return _with_outputs(name, {**entry, "texts_of": read}, LABEL_MAKERS[way])


def _with_outputs(name: str, entry: dict[str, Any], maker: LabelMaker) -> dict[str, Any]:
    """The entry with its kind and labels; what is given must be the same."""
    labels = maker.labels(entry["texts_of"])
    made = {"kind": maker.kind, "labels": labels}
    if sorted(entry.get("labels", labels)) != sorted(labels):
        raise InputError(
            f"task '{name}': field 'labels': make_labels: {entry['make_labels']} gives "
            f"{', '.join(labels)}; leave the field out"
        )
    if entry.get("kind", maker.kind) != maker.kind:
        raise InputError(
            f"task '{name}': field 'kind' = '{entry['kind']}': make_labels: "
            f"{entry['make_labels']} gives a {maker.kind}; leave the field out"
        )
    if len(labels) < 2:
        raise InputError(
            f"task '{name}': make_labels: {entry['make_labels']} needs the texts of two tasks"
        )
    return {**made, **entry}

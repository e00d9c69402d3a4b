"""Records of answers and feedback in the lines of a log."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from trainer.monitoring.answers import TaskKind
from trainer.monitoring.log_lines import LogFile
from trainer.monitoring.records import NAN, AnswerRecord, FeedbackRecord
from trainer.monitoring.reference import Reference
from trainer.prediction.answer_log import ANSWER, TEXTS, parse_line

ANSWERS, FEEDBACK = "answers", "feedback"
BAD = "skipped: no line of an answer log"
TOO_LONG = "skipped: longer than a megabyte"
UNKNOWN_TASK = "skipped: of a task that the reference does not have"
UNKNOWN_LABEL = "skipped: with a label that the task does not have"
OTHER_VERSION = "skipped: of another version of the model (--any_version reads them)"
FUTURE = "skipped: with a time in the future"
BAD_VALUE = "skipped: with a value that is not possible"
MANY_GROUPS = "groups left out: too many columns or values"
INCOMPLETE = "incomplete last lines"
# Clocks of machines differ.
_AHEAD = 86_400
# More values are not groups, but numbers or names.
MAX_VALUES = 50
_MAX_COLUMNS, _MAX_NAME = 10, 60
# Of scores and tokens: sums of squares stay finite.
_LARGEST = 1e9
Record = AnswerRecord | FeedbackRecord


class LogReader:
    """Reads the records of a model from files, in the order of their times.

    Args:
        paths: the files, each of which is in this order.
        reference: of the model.
        counts: counts the lines by kind, or by the reason why they are skipped.
        any_version: also read the answers of other versions of the model.
        now: returns the time in seconds.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        reference: Reference,
        counts: Counter[str],
        *,
        any_version: bool = False,
        now: Callable[[], float] = time.time,
    ):
        self._files = [LogFile(path) for path in paths]
        self._reference, self._counts, self._any_version = reference, counts, any_version
        self._values: dict[str, set[str]] = {}
        self._now = now
        self._too_long = 0
        # Reason -> the first line that was skipped for it.
        self.examples: dict[str, str] = {}

    def read(self) -> Iterator[Record]:
        """Yield the records of lines that were added since the last time.

        Raises:
            InputError: if a file cannot be read.
        """
        parts = [self._read_file(file) for file in self._files]
        yield from heapq.merge(*parts, key=lambda record: record.time)
        self._counts[INCOMPLETE] = sum(file.has_incomplete_line for file in self._files)
        self._counts[TOO_LONG] = sum(file.too_long for file in self._files)
        for name in (INCOMPLETE, TOO_LONG):
            if not self._counts[name]:
                del self._counts[name]

    def _read_file(self, file: LogFile) -> Iterator[Record]:
        for line in file.read():
            record = self._parse(line)
            if isinstance(record, str):
                self._counts[record] += 1
                self.examples.setdefault(record, f"{file.path.name}, line {file.line}")
            else:
                self._counts[ANSWERS if isinstance(record, AnswerRecord) else FEEDBACK] += 1
                yield record

    def _parse(self, line: bytes) -> Record | str:
        """Return a line's record, or the reason why it has none."""
        try:
            fields = parse_line(line)
            seconds = datetime.fromisoformat(fields["time"]).timestamp()
        except (ValueError, OverflowError):
            return BAD
        task = self._reference.tasks.get(fields["task"])
        if task is None:
            return UNKNOWN_TASK
        if fields["version"] != self._reference.version and not self._any_version:
            return OTHER_VERSION
        if seconds > self._now() + _AHEAD:
            return FUTURE
        label = _labels(fields["label"])
        if task.kind.labels:
            if not isinstance(label, tuple) or not set(label) <= set(task.kind.labels):
                return UNKNOWN_LABEL
            if task.kind.is_exclusive and len(label) != 1:
                return UNKNOWN_LABEL
        if fields["event"] != ANSWER:
            return _feedback(fields, seconds, label, bool(task.kind.labels))
        try:
            record = to_answer_record(fields, seconds, task.kind)
        except (ValueError, OverflowError):
            return BAD_VALUE
        return replace(record, groups=self._groups(fields.get("groups")))

    def _groups(self, given: Any) -> dict[str, str]:
        """Return the groups of an answer, without columns of too many values."""
        groups = {}
        for column, value in given.items() if isinstance(given, Mapping) else ():
            column, value = group_name(column), group_name(value)
            known = self._values.get(column)
            if known is None and len(self._values) < _MAX_COLUMNS:
                known = self._values[column] = set()
            if known is None or (value not in known and len(known) >= MAX_VALUES):
                self._counts[MANY_GROUPS] += 1
                continue
            known.add(value)
            groups[column] = value
        return groups


def to_answer_record(fields: Mapping[str, Any], seconds: float, kind: TaskKind) -> AnswerRecord:
    """Return the record of an answer, with groups as they stand.

    Args:
        fields: of the line.
        seconds: its time.
        kind: what the task's answers are; the labels are known ones.

    Raises:
        ValueError: if a number is not possible.
        OverflowError: if it is too large.
    """
    labels = _labels(fields["label"]) if kind.labels else ()
    return AnswerRecord(
        time=seconds,
        task=fields["task"],
        labels=labels or (),
        score=NAN if kind.labels else _number(fields["score"]),
        confidence=_number(fields["confidence"], 0, 1),
        tokens=_number(fields["tokens"], 0),
        unknown=_number(fields["unknown"], 0, 1),
        truncated=fields["truncated"],
        id=fields["id"],
        groups=fields.get("groups") or {},
        texts=tuple(fields[name] for name in TEXTS if isinstance(fields.get(name), str)),
    )


def _feedback(
    fields: Mapping[str, Any], seconds: float, label: Any, has_labels: bool
) -> Record | str:
    if has_labels:
        return FeedbackRecord(seconds, fields["task"], fields["id"], label)
    try:
        return FeedbackRecord(seconds, fields["task"], fields["id"], _number(fields["label"]))
    except (ValueError, TypeError, OverflowError):
        return BAD_VALUE


def _labels(label: Any) -> tuple[str, ...] | None:
    """Return the names of a label or of several; None for anything else."""
    if isinstance(label, str):
        return (label,)
    if isinstance(label, list) and all(isinstance(name, str) for name in label):
        return tuple(sorted(set(label)))
    return None


def _number(value: Any, low: float = -_LARGEST, high: float = _LARGEST) -> float:
    """Return a number; NaN for a missing one.

    Raises:
        ValueError: if it is not from `low` to `high`.
    """
    if value is None:
        return NAN
    if isinstance(value, bool) or not low <= (number := float(value)) <= high:
        raise ValueError(f"is not a number from {low} to {high}")
    return number


def group_name(value: Any) -> str:
    """Return a column or a value as a name that fits a page and a terminal."""
    text = "".join(c if c.isprintable() else "?" for c in str(value)[: _MAX_NAME + 1])
    return text if len(text) <= _MAX_NAME else f"{text[:_MAX_NAME]}…"

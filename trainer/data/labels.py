"""From a label as a file has it to the index or score that is trained on."""

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from datasets import ClassLabel

from modeling_hybrid_mtl import TaskConfig
from trainer.data.sources import TaskSource
from trainer.errors import InputError, join_truncated, truncated_repr

_WORDS = {True: ("true", "yes"), False: ("false", "no")}
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_TRUTH = {word: truth for truth, words in _WORDS.items() for word in words}
# Words for truth only beside their opposite: 'right' may stand beside 'left', 'n' beside 'v'.
_OPPOSITES = (
    ("on", "off"),
    ("y", "n"),
    ("t", "f"),
    ("correct", "incorrect"),
    ("correct", "wrong"),
    ("right", "wrong"),
    ("valid", "invalid"),
)
# A minus behind a letter or digit joins two words.
_NUMBER_INSIDE = re.compile(r"(?:(?<!\w)[-+\u2212])?\d+(?:[.,]\d+)?")


class LabelReader:
    """Reads the labels of one column.

    A name counts before a number, whatever type a file gives it. A number is an index only where no
    class is named by one, and a truth value never is.

    Args:
        task: with the names of its classes, or its range of scores.
        source: with the data's own names of the classes and its decimal sign.
        column: the column's name, for messages.
        feature: the column's type in the dataset: its ClassLabel, perhaps in a list, says what
            each number stands for.
    """

    def __init__(self, task: TaskConfig, source: TaskSource, column: str, feature: Any):
        self.task, self.source, self.column = task, source, column
        while hasattr(feature, "feature"):  # of a list
            feature = feature.feature
        self.stored: list[str] | None = feature.names if isinstance(feature, ClassLabel) else None
        self.labels = task.labels or []
        names = [*self.labels, *(source.dataset_labels or ())]
        self.index = {name: i % len(self.labels) for i, name in enumerate(names)}
        own = source.dataset_labels or self.labels
        found = {number(name): i for i, name in reversed(list(enumerate(own)))}
        self.numbers = {n: i for n, i in found.items() if n is not None}
        self.inside = self._other_readings()
        self.known: dict[tuple[type, Any], int] = {}

    def class_index(self, value: Any, place: str) -> int:
        """The class that a label stands for.

        Args:
            value: the label.
            place: file and row, for messages.

        Raises:
            InputError: if it stands for none.
        """
        # Others, such as decimals of databases, are rare, and not all can be looked up.
        plain = isinstance(value, (str, int, float))
        key = (type(value), value if plain else None)
        found = self.known.get(key) if plain else None
        if found is None:
            found = None if self._is_beyond(value) else self._class_of(self._meant(value))
            if found is None:
                raise self._no_class(value, place)
            if plain:
                self.known[key] = found
        return found

    def score(self, value: Any, place: str) -> float:
        """The score that a label stands for.

        Args:
            value: the label.
            place: file and row, for messages.

        Raises:
            InputError: if it is no number, or outside the task's range.
        """
        low, high = self.task.score_range or (0.0, 0.0)
        found = number(self._meant(value), self.source.decimal)
        score = math.nan if found is None else float(found)
        if not low <= score <= high:
            raise InputError(
                f"{place}: column '{self.column}' has {self._shown(value)}; scores of this task "
                f"are numbers from {low:g} to {high:g}{self._decimal_hint(value)}"
            )
        return score

    def _meant(self, value: Any) -> Any:
        """The name for the number that stands for it in the dataset."""
        names = self.stored
        if names is None or not isinstance(value, int) or not 0 <= value < len(names):
            return value
        return names[value]

    def _is_beyond(self, value: Any) -> bool:
        """Whether a number stands for none of the dataset's own names, as -1 for no label does."""
        return (
            self.stored is not None and isinstance(value, int) and not 0 <= value < len(self.stored)
        )

    @property
    def _names_are_indices(self) -> bool:
        """Whether an index of the task's labels may be what is meant."""
        return self.stored is None or self.stored == [str(i) for i in range(len(self.stored))]

    def _other_readings(self) -> dict[Decimal, int]:
        """The number in each class's name -> the class, if the same number is another's index.

        Nothing if the data has as many names of its own: its numbers are indices then.
        """
        inside = _numbers_inside(self.source.dataset_labels or ()) or _numbers_inside(self.labels)
        same = all(n == i for n, i in inside.items() if n in range(len(self.labels)))
        stored = self.stored is not None and len(self.stored) == len(self.labels)
        return {} if same or stored else inside

    def _class_of(self, value: Any) -> int | None:
        if isinstance(value, str) and value in self.index:
            return self.index[value]
        words = _words(value)
        if words:
            return self._named_by(words)
        found = number(value, self.source.decimal)
        if found is None:
            return None
        if self.numbers:
            return self.numbers.get(found)
        if not self._names_are_indices:
            return None
        if not 0 <= found < len(self.labels) or found != int(found):
            return None
        return None if self._is_ambiguous(int(found)) else int(found)

    def _named_by(self, words: Sequence[str]) -> int | None:
        """The class with the first of these names, in letters of any size."""
        for word in words:
            found = {i for name, i in self.index.items() if name.casefold() == word}
            if found:
                return found.pop() if len(found) == 1 else None
        # 'true' is 1 where classes are called 0 and 1; 'yes' is a word alone.
        return self.numbers.get(Decimal(_TRUTH[words[0]])) if len(words) > 1 else None

    def _is_ambiguous(self, index: int) -> bool:
        """Whether an index may stand for another class than the one in this place.

        As 0 or 1 for a truth value, or as the number in the other's name.
        """
        if self.inside and self.inside.get(Decimal(index)) != index:
            return True
        names = [name.casefold() for name in self.labels]
        truth = _TRUTH.get(names[index])
        for pair in _OPPOSITES:
            if names[index] in pair and set(pair) <= set(names):
                truth = names[index] == pair[0]
        return index < 2 and truth is not None and truth != bool(index)

    def _no_class(self, value: Any, place: str) -> InputError:
        indices = "" if self.numbers or self.inside else f"0 to {len(self.labels) - 1}, or "
        hint, found = "", number(value, self.source.decimal)
        if self.stored is not None:
            hint = f"; the dataset's own names are {_quoted(self.stored)}"
        if self.source.dataset_labels:
            hint += f"; dataset_labels are {_quoted(self.source.dataset_labels)}"
        elif self.stored is not None or _words(value) or found in (0, 1):
            hint += "; name the data's own, in the order of labels, with the field dataset_labels"
        meant = number(self._meant(value), self.source.decimal)
        readings = {*self.inside, *range(len(self.labels))} if self.inside else set()
        if meant is not None and meant in readings and not self.numbers:
            hint = self._both_readings(meant)
        return InputError(
            f"{place}: column '{self.column}' has {self._shown(value)}"
            f"{' (-1 marks a split without labels)' if found == -1 else ''}; labels of this task "
            f"are {indices}{_quoted(self.labels)}{hint}{self._decimal_hint(value)}"
        )

    def _both_readings(self, found: Decimal) -> str:
        """What a number may stand for, and how to say which."""
        count, at = len(self.labels), self.inside.get(found)
        index = repr(self.labels[int(found)]) if found in range(count) else "none"
        named = "none" if at is None else repr(self.labels[at])
        return (
            f"; as an index it is {index}, and as the number in a label's name {named}: say which "
            f"with the field dataset_labels, {_quoted([str(i) for i in range(count)])} for indices "
            f"or {_quoted([f'{n.normalize():f}' for n in self.inside])} for the numbers in names"
        )

    def _shown(self, value: Any) -> str:
        meant = self._meant(value)
        return (
            truncated_repr(value)
            if meant is value
            else f"{value}, which is {truncated_repr(meant)}"
        )

    def _decimal_hint(self, value: Any) -> str:
        other = {".": ",", ",": "."}[self.source.decimal]
        if number(value, self.source.decimal) is not None or number(value, other) is None:
            return ""
        return f"; if '{other}' is the decimal sign here, set the field decimal: '{other}'"


def check_dataset_labels(task: TaskConfig, source: TaskSource) -> None:
    """Make sure that the data's own names of the classes fit the task's.

    Raises:
        InputError: if they are not as many as its labels, or one occurs twice.
    """
    names = source.dataset_labels
    if names is None:
        return
    if len(set(names)) != len(names) or len(names) != len(task.labels or []):
        raise InputError(
            f"field 'dataset_labels': {_quoted(names)}: give each of the labels "
            f"({_quoted(task.labels or []) or 'there are none'}) one name, in their order"
        )


def number(value: Any, decimal: str = ".") -> Decimal | None:
    """The number that a value is, or that a text says, exactly; None if that is none.

    Args:
        value: a number or text; a truth value is no number.
        decimal: the sign before the decimals in text, `.` or `,`.
    """
    text = str(value)
    if isinstance(value, float) and not value.is_integer() and abs(value) < _LARGEST_FLOAT32:
        short = np.float32(value)
        text = str(short) if float(short) == value else text  # 0.1 is 0.1 in float32, too
    if isinstance(value, str) and decimal == ",":
        text = text.replace(".", "_").replace(",", ".")  # a point would stand between thousands
    # Python reads '1_000' as a number.
    if isinstance(value, (bool, np.bool_)) or "_" in text:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _words(value: Any) -> tuple[str, ...]:
    """The names that a truth value may go by, the likeliest first; none if it is no such value."""
    if isinstance(value, (bool, np.bool_)):
        return _WORDS[bool(value)]
    word = value.casefold() if isinstance(value, str) else ""
    return _WORDS[_TRUTH[word]] if word in ("true", "false") else (word,) * (word in _TRUTH)


def _numbers_inside(names: Sequence[str]) -> dict[Decimal, int]:
    """The number in each name -> its place; nothing unless each has one, and another."""
    found = [_NUMBER_INSIDE.findall(name) for name in names]
    if any(len(numbers) != 1 for numbers in found):
        return {}
    table = {
        Decimal(text.replace(",", ".").replace("\u2212", "-")): place
        for place, (text,) in enumerate(found)
    }
    return table if len(table) == len(names) else {}


def _quoted(names: Sequence[str]) -> str:
    return join_truncated([repr(name) for name in names])

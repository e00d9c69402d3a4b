"""Conversion of labels in files to class indices and scores."""

import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from datasets import ClassLabel

from modeling_hybrid_mtl import TaskConfig
from trainer.data.task_source import TaskSource
from trainer.errors import InputError, join_truncated, truncated_repr

_WORDS = {True: ("true", "yes"), False: ("false", "no")}
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_TRUTH = {word: truth for truth, words in _WORDS.items() for word in words}
# Words for truth values only next to their opposite: 'right' may occur with 'left', 'n' with 'v'.
_OPPOSITES = (
    ("on", "off"),
    ("y", "n"),
    ("t", "f"),
    ("correct", "incorrect"),
    ("correct", "wrong"),
    ("right", "wrong"),
    ("valid", "invalid"),
)
# A minus after a letter or digit is a hyphen.
_NUMBER_INSIDE = re.compile(r"(?:(?<!\w)[-+\u2212])?\d+(?:[.,]\d+)?")


class LabelReader:
    """Converts the labels of one column.

    Names take precedence over numbers, whatever their type in the file. A number is an index only
    if no class has a number as its name, and a truth value is never an index.

    Args:
        task: the task's configuration, with its class names or score range.
        source: the task's source, with the data's class names and decimal sign.
        column: the column's name, for messages.
        feature: the column's type in the dataset: a ClassLabel, maybe in a list, maps numbers to
            names.
    """

    def __init__(self, task: TaskConfig, source: TaskSource, column: str, feature: Any):
        self.task, self.source, self.column = task, source, column
        while hasattr(feature, "feature"):  # of a list
            feature = feature.feature
        self.stored: list[str] | None = feature.names if isinstance(feature, ClassLabel) else None
        self.labels = task.labels or (["0", "1"] if task.label_type == "match" else [])
        self.decimal = source.decimal or "."
        names = [*self.labels, *(source.dataset_labels or ())]
        self.index = {name: i % len(self.labels) for i, name in enumerate(names)}
        names = source.dataset_labels or self.labels
        numbers = {number(name): i for i, name in reversed(list(enumerate(names)))}
        self.numbers = {n: i for n, i in numbers.items() if n is not None}
        self.inside = self._ambiguous_numbers()
        self._cache: dict[tuple[type, Any], int] = {}

    def class_index(self, value: Any) -> int:
        """Return the class index of a label.

        Args:
            value: the label.

        Raises:
            InputError: if the label is not one of the task's.
        """
        # Other types, such as decimals of databases, are rare, and some are not hashable.
        cacheable = isinstance(value, (str, int, float))
        key = (type(value), value if cacheable else None)
        index = self._cache.get(key) if cacheable else None
        if index is None:
            index = None if self._is_out_of_range(value) else self._find(self._stored_name(value))
            if index is None:
                raise self._no_class(value)
            if cacheable:
                self._cache[key] = index
        return index

    def score(self, value: Any) -> float:
        """Return the score of a label.

        Args:
            value: the label.

        Raises:
            InputError: if the label is not a number, or is outside the task's range.
        """
        low, high = self.task.score_range or (0.0, 0.0)
        parsed = number(self._stored_name(value), self.decimal)
        score = math.nan if parsed is None else float(parsed)
        if not low <= score <= high:
            raise InputError(
                f"column '{self.column}' has {self._describe(value)}; scores of this "
                f"task are numbers from {low:g} to {high:g}{self._decimal_hint(value)}"
            )
        return score

    def _stored_name(self, value: Any) -> Any:
        """Return the dataset's name of a number if it has one, otherwise the value itself."""
        names = self.stored
        if names is None or not isinstance(value, int) or not 0 <= value < len(names):
            return value
        return names[value]

    def _is_out_of_range(self, value: Any) -> bool:
        """Return whether a number has none of the dataset's names, such as -1 for no label."""
        return (
            self.stored is not None and isinstance(value, int) and not 0 <= value < len(self.stored)
        )

    def _ambiguous_numbers(self) -> dict[Decimal, int]:
        """Return number in a class's name -> class, if a number is also the index of another class.

        The result is empty if the dataset has a name for every class: then numbers are indices.
        """
        inside = _numbers_inside(self.source.dataset_labels or ()) or _numbers_inside(self.labels)
        same = all(n == i for n, i in inside.items() if n in range(len(self.labels)))
        stored = self.stored is not None and len(self.stored) == len(self.labels)
        return {} if same or stored else inside

    def _find(self, value: Any) -> int | None:
        if isinstance(value, str) and value in self.index:
            return self.index[value]
        words = _words(value)
        if words:
            return self._find_word(words)
        parsed = number(value, self.decimal)
        if parsed is None:
            return None
        if self.numbers:
            return self.numbers.get(parsed)
        if self.stored not in (None, [str(i) for i in range(len(self.stored or ()))]):
            return None  # names other than their indices
        if not 0 <= parsed < len(self.labels) or parsed != int(parsed):
            return None
        return None if self._is_ambiguous(int(parsed)) else int(parsed)

    def _find_word(self, words: Sequence[str]) -> int | None:
        """Return the class with the first of these names, ignoring case."""
        for word in words:
            matches = {i for name, i in self.index.items() if name.casefold() == word}
            if matches:
                return matches.pop() if len(matches) == 1 else None
        # 'true' is 1 if classes are named 0 and 1; 'yes' is not.
        return self.numbers.get(Decimal(_TRUTH[words[0]])) if len(words) > 1 else None

    def _is_ambiguous(self, index: int) -> bool:
        """Return whether an index may mean another class: by its name's number or truth value."""
        if self.inside and self.inside.get(Decimal(index)) != index:
            return True
        names = [name.casefold() for name in self.labels]
        truth = _TRUTH.get(names[index])
        for pair in _OPPOSITES:
            if names[index] in pair and set(pair) <= set(names):
                truth = names[index] == pair[0]
        return index < 2 and truth is not None and truth != bool(index)

    def _no_class(self, value: Any) -> InputError:
        indices = "" if self.numbers or self.inside else f"0 to {len(self.labels) - 1}, or "
        hint, parsed = "", number(value, self.decimal)
        if self.stored is not None:
            hint = f"; the dataset's own names are {_quoted(self.stored)}"
        if self.source.dataset_labels:
            hint += f"; dataset_labels are {_quoted(self.source.dataset_labels)}"
        elif self.stored is not None or _words(value) or parsed in (0, 1):
            hint += "; name the data's own, in the order of labels, with the field dataset_labels"
        stored = number(self._stored_name(value), self.decimal)
        ambiguous = {*self.inside, *range(len(self.labels))} if self.inside else set()
        if stored is not None and stored in ambiguous and not self.numbers:
            hint = self._ambiguity_hint(stored)
        return InputError(
            f"column '{self.column}' has {self._describe(value)}"
            f"{' (-1 marks a split without labels)' if parsed == -1 else ''}; labels of this task "
            f"are {indices}{_quoted(self.labels)}{hint}{self._decimal_hint(value)}"
        )

    def _ambiguity_hint(self, value: Decimal) -> str:
        count, named = len(self.labels), self.inside.get(value)
        by_index = repr(self.labels[int(value)]) if value in range(count) else "none"
        by_name = "none" if named is None else repr(self.labels[named])
        return (
            f"; as an index it is {by_index}, and as the number in a label's name {by_name}: "
            f"choose with the field dataset_labels, {_quoted([str(i) for i in range(count)])} for "
            f"indices or {_quoted([f'{n.normalize():f}' for n in self.inside])} for the numbers in "
            "names"
        )

    def _describe(self, value: Any) -> str:
        name = self._stored_name(value)
        text = truncated_repr(name)
        return text if name is value else f"{value}, which is {text}"

    def _decimal_hint(self, value: Any) -> str:
        other = {".": ",", ",": "."}[self.decimal]
        if number(value, self.decimal) is not None or number(value, other) is None:
            return ""
        return f"; if '{other}' is the decimal sign here, set the field decimal: '{other}'"


def check_dataset_labels(task: TaskConfig, source: TaskSource) -> None:
    """Check that `dataset_labels` has one name for each of the task's labels, without duplicates.

    Raises:
        InputError: otherwise.
    """
    names = source.dataset_labels
    if names is None:
        return
    if len(set(names)) != len(names) or len(names) != len(task.labels or []):
        raise InputError(
            f"field 'dataset_labels': {_quoted(names)}: give each of the labels "
            f"({_quoted(task.labels or []) or 'there are none'}) one name, in their order"
        )


def find_decimal(values: Iterable[Any]) -> str:
    """Return the decimal sign of scores.

    It is a comma if some texts are numbers only with it, and none is one only with a point.
    """
    texts = {value for value in values if isinstance(value, str)}
    with_point, with_comma = (
        {text for text in texts if number(text, sign) is not None} for sign in (".", ",")
    )
    return "," if with_comma - with_point and not with_point - with_comma else "."


def number(value: Any, decimal: str = ".") -> Decimal | None:
    """Return the exact number of a value or text, or None if it is not a number.

    Args:
        value: a number or text; a truth value is not a number.
        decimal: the decimal sign in text, `.` or `,`.
    """
    text = str(value)
    if isinstance(value, float) and not value.is_integer() and abs(value) < _LARGEST_FLOAT32:
        short = np.float32(value)
        text = str(short) if float(short) == value else text  # 0.1 stays 0.1 in float32
    if isinstance(value, str) and decimal == ",":
        text = text.replace(".", "_").replace(",", ".")  # a point would separate thousands
    # Python accepts '1_000' as a number.
    if isinstance(value, (bool, np.bool_)) or "_" in text:
        return None
    try:
        parsed = Decimal(text)
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


def _words(value: Any) -> tuple[str, ...]:
    """Return possible class names of a truth value, the likeliest first; none for other values."""
    if isinstance(value, (bool, np.bool_)):
        return _WORDS[bool(value)]
    word = value.casefold() if isinstance(value, str) else ""
    return _WORDS[_TRUTH[word]] if word in ("true", "false") else (word,) * (word in _TRUTH)


def _numbers_inside(names: Sequence[str]) -> dict[Decimal, int]:
    """Return number in a name -> index, empty unless each name has one number, all different."""
    matches = [_NUMBER_INSIDE.findall(name) for name in names]
    if any(len(numbers) != 1 for numbers in matches):
        return {}
    indices = {
        Decimal(text.replace(",", ".").replace("\u2212", "-")): index
        for index, (text,) in enumerate(matches)
    }
    return indices if len(indices) == len(names) else {}


def _quoted(names: Sequence[str]) -> str:
    return join_truncated([repr(name) for name in names])

"""Guesses which columns of a table are a task's texts and labels, by their names and values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer.data.labels import number
from trainer.data.raw_rows import is_missing

MAX_CLASSES = 100
LABEL_NAMES = (
    *("label", "labels", "class", "category", "target", "topic", "tag", "tags", "intent"),
    *("sentiment", "emotion", "score", "rating", "stars", "grade", "similarity", "relatedness"),
    *("is_duplicate", "paraphrase", "gold", "y"),
)
_TEXTS = (
    *("text", "sentence", "comment", "review", "message", "body", "content", "utterance"),
    *("query", "question", "premise", "title"),
)
_PAIRS = [
    ("text", "text_pair"),
    ("premise", "hypothesis"),
    ("question", "answer"),
    ("query", "passage"),
    ("query", "document"),
    ("anchor", "positive"),
    ("source", "target"),
    ("sentence", "paraphrase"),
]
_IDS = re.compile(r"(.*_)?(id|idx|index|row|uuid|guid|key|nr|no|number)|unnamed.*|", re.IGNORECASE)
_ENDS = re.compile(r"(.*?)[_ ]?([12ab])", re.IGNORECASE)


@dataclass
class Column:
    """What the cells of a column are like.

    Attributes:
        name: the column's name.
        cells: its values, without missing ones.
        missing: the number of missing ones.
        distinct: the different values, of cells that are no lists.
    """

    name: str
    cells: list[Any]
    missing: int
    distinct: set[Any] = field(init=False)

    def __post_init__(self):
        self.distinct = set() if self.is_list else {str(cell) for cell in self.cells}

    @property
    def is_list(self) -> bool:
        """Return whether cells are lists, of words, labels or tags."""
        return bool(self.cells) and all(isinstance(cell, (list, tuple)) for cell in self.cells)

    @property
    def is_number(self) -> bool:
        """Return whether every cell is a number, maybe written as text."""
        cells = [] if self.is_list else self.cells
        return bool(cells) and all(number(cell) is not None for cell in cells)

    @property
    def words(self) -> float:
        """Return the mean number of words of a cell."""
        counts = [len(c) if self.is_list else len(str(c).split()) for c in self.cells]
        return sum(counts) / max(len(counts), 1)

    @property
    def is_id(self) -> bool:
        """Return whether the column numbers or names the rows."""
        return bool(_IDS.fullmatch(self.name))

    @property
    def counts_rows(self) -> bool:
        """Return whether it has another whole number in every row, as numbers of orders are."""
        numbers = [number(cell) for cell in self.cells] if self.is_number else []
        whole = all(value is not None and not value % 1 for value in numbers)
        return len(numbers) > 20 and whole and len(self.distinct) == len(numbers)

    @property
    def may_be_classes(self) -> bool:
        """Return whether it has a few different values of a few words."""
        return self.has_few_values and self.words < 4

    @property
    def has_few_values(self) -> bool:
        """Return whether its values may be classes: a few, each in several rows."""
        return 2 <= len(self.distinct) <= min(MAX_CLASSES, max(2, len(self.cells) // 2))


@dataclass
class Columns:
    """The columns of a task; `others` are neither text nor label, nor the rows' numbers."""

    texts: list[Column]
    label: Column | None
    others: list[Column]


def read_columns(table: Mapping[str, Sequence[Any]]) -> list[Column]:
    """Return the columns of a table, column -> cells."""
    found = []
    for name, cells in table.items():
        present = [cell for cell in cells if not is_missing(cell)]
        found.append(Column(name, present, len(cells) - len(present)))
    return found


def guess_columns(columns: Sequence[Column], label: str | None = None) -> Columns:
    """Return which columns are texts and which is the label; there may be neither.

    Args:
        columns: of the table.
        label: the name of the label's column, if it is known.
    """
    free = [column for column in columns if column.cells and not column.is_id]
    known = [column for column in free if column.name == label]
    found = known[0] if known else _label(free)
    texts = _texts([column for column in free if column is not found and _may_be_text(column)])
    others = [c for c in free if c is not found and all(c is not text for text in texts)]
    return Columns(texts, found, others)


def _label(columns: Sequence[Column]) -> Column | None:
    """Return the column of labels: by its name, or the last of numbers or of few values."""
    named = [c for c in named_labels(columns) if _may_be_label(c)]
    if named:
        return named[0]
    likely = [c for c in columns if c.is_number or c.may_be_classes]
    likely = [c for c in likely if not c.counts_rows] or likely
    return likely[-1] if likely else None


def named_labels(columns: Sequence[Column]) -> list[Column]:
    """Return the columns with a name of labels, the most usual name first."""
    return [c for name in LABEL_NAMES for c in columns if c.name.lower() == name]


def _may_be_label(column: Column) -> bool:
    return column.is_list or column.is_number or column.has_few_values


def _may_be_text(column: Column) -> bool:
    return column.is_list or not column.is_number


def _texts(columns: Sequence[Column]) -> list[Column]:
    """Return the column of texts, or the two of pairs."""
    by_name = {column.name.lower(): column for column in columns}
    pairs = [(by_name[a], by_name[b]) for a, b in _PAIRS if a in by_name and b in by_name]
    pairs += _numbered(by_name)
    if pairs:
        return list(pairs[0])
    named = [by_name[name] for name in _TEXTS if name in by_name]
    return (named or sorted(columns, key=lambda column: -column.words))[:1]


def _numbered(by_name: Mapping[str, Column]) -> list[tuple[Column, Column]]:
    """Return the pairs of columns such as `sentence1` and `sentence2`, or `text_a` and `text_b`."""
    stems: dict[str, list[Column]] = {}
    for name, column in by_name.items():
        end = _ENDS.fullmatch(name)
        if end and end[1]:
            stems.setdefault(end[1], []).append(column)
    return [(found[0], found[1]) for found in stems.values() if len(found) == 2]

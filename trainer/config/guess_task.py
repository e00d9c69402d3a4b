"""Guesses a task's entry of a configuration from the rows of its files."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from trainer.config.auto_labels import sorted_names
from trainer.data.guess_columns import (
    MAX_CLASSES,
    Column,
    Columns,
    guess_columns,
    named_labels,
    read_columns,
)
from trainer.data.labels import number
from trainer.data.readers import RawSplit
from trainer.errors import InputError, join_truncated

_RATINGS = ("rating", "stars", "grade", "score", "level")
_SEPARATORS = ("|", ";", ",")
_LISTED = 30  # more classes are left to `labels: auto`


@dataclass
class Guess:
    """A guessed entry.

    Attributes:
        entry: field -> value.
        notes: what was guessed, and the alternatives, a line each.
        others: the columns that may be the labels of further tasks.
    """

    entry: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def guess_task(raw: RawSplit, label: str | None = None) -> Guess:
    """Return a task's kind, input, labels or score range, and columns, of its training rows.

    Args:
        raw: the rows.
        label: the label's column, if it is known.

    Raises:
        InputError: if no column looks like a text, or none like a label.
    """
    rows = raw.rows.with_format(None)
    columns = read_columns({name: rows[name][:] for name in rows.column_names})
    found = guess_columns(columns, label)
    if not found.texts:
        raise InputError(
            f"{raw.location}: no column looks like a text (found: "
            f"{join_truncated(rows.column_names)}); write its task by hand, as docs/data.md shows"
        )
    guess = _kind(raw, found)
    names = dict(zip(("text", "text_pair"), (c.name for c in found.texts), strict=False))
    if found.label is not None:
        names["label"] = found.label.name
    mapped = {key: name for key, name in names.items() if key != name}
    if mapped:
        guess.entry["columns"] = mapped
    if len(found.texts) == 2 and not found.texts[0].is_list:
        guess.entry["input"] = "pair"
    used = [*found.texts, *([found.label] if found.label else [])]
    missing = max(column.missing for column in used)
    if missing:
        guess.entry["bad_rows"] = "drop"
        guess.notes.append(
            f"{missing} of {len(rows)} rows have no text or no label: bad_rows: drop leaves them "
            "out, bad_rows: error stops at the first"
        )
    guess.others = [column.name for column in found.others if column.may_be_classes]
    guess.notes += _unused(found, guess.others)
    return guess


def _unused(found: Columns, further: list[str]) -> Iterator[str]:
    others = [column.name for column in found.others if column.name not in further]
    if others:
        yield f"columns that are not used: {join_truncated(others)}"
    second = [c.name for c in found.others if c.words > 3 and not c.is_list and not c.is_number]
    if len(found.texts) == 1 and second:
        yield (
            f"if '{second[0]}' belongs to '{found.texts[0].name}': input: pair, and text_pair: "
            f"{second[0]} among the columns"
        )


def _kind(raw: RawSplit, found: Columns) -> Guess:
    """Return the kind of a task with its labels or its score range."""
    label, is_pair = found.label, len(found.texts) == 2
    if label is None and is_pair:
        return Guess({"kind": "ranking"}, ["pairs without a label: each is a match, kind: ranking"])
    if label is None:
        raise InputError(f"{raw.location}: {_without_label(found, raw.rows.column_names)}")
    if label.is_list:
        return _of_lists(label, found.texts[0])
    separator = _separator(label)
    if separator is not None:
        parts = {part.strip() for cell in label.cells for part in str(cell).split(separator)}
        return Guess(
            {"kind": "multi_label", "labels": sorted(parts - {""}), "label_separator": separator},
            [f"cells of '{label.name}' hold several labels, separated by '{separator}'"],
        )
    if label.is_number and (not label.has_few_values or _has_fractions(label)):
        return _score(label, is_pair)
    if not label.has_few_values:
        raise InputError(
            f"{raw.location}: column '{label.name}' has {len(label.distinct)} different values in "
            f"{len(label.cells)} rows, too many for classes; give the label's column the name "
            "'label'"
        )
    return _classes(label)


def _without_label(found: Columns, names: list[str]) -> str:
    """Return why no column is taken for the label."""
    named = named_labels(found.others)
    if not named:
        return (
            f"no column looks like a label (found: {join_truncated(names)}); give the label's "
            "column the name 'label'"
        )
    column = named[0]
    start = f"column '{column.name}' cannot be guessed"
    if len(column.distinct) < 2:
        return f"{start}: all rows have the same value"
    if all(number(str(cell).replace(",", ".")) is not None for cell in column.cells):
        return f"{start}: it has numbers with a comma; write its task by hand, with decimal: ','"
    return (
        f"{start}: it has {len(column.distinct)} different values in {len(column.cells)} rows, and "
        f"at most {MAX_CLASSES}, each in two rows, are taken for classes; write its task by hand, "
        "with labels: auto"
    )


def _of_lists(label: Column, text: Column) -> Guess:
    values = {value for cell in label.cells for value in cell}
    if text.is_list:
        note = f"'{text.name}' holds words and '{label.name}' a tag for each"
        return Guess({"kind": "token_classification", "labels": sorted_names(values)}, [note])
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        raise InputError(f"column '{label.name}' has lists of numbers; name its labels by hand")
    return Guess(
        {"kind": "multi_label", "labels": sorted_names(values)},
        [f"cells of '{label.name}' are lists of labels"],
    )


def _separator(label: Column) -> str | None:
    """Return the text between several labels of a cell, if a tenth of the cells have it."""
    for separator in _SEPARATORS:
        cells = [str(cell) for cell in label.cells]
        several = [cell for cell in cells if separator in cell]
        parts = {part.strip() for cell in cells for part in cell.split(separator)}
        # 3,5 is a number in many languages.
        is_decimal = separator == "," and all(number(part) is not None for part in parts)
        # A few cells that come again and again are names with a comma, as of persons.
        if label.has_few_values and len(label.distinct) < len(parts):
            continue
        is_frequent = len(several) * 10 >= len(cells) and len(parts) <= max(2, len(cells) // 2)
        if is_frequent and not is_decimal:
            return separator
    return None


def _has_fractions(label: Column) -> bool:
    return any(value % 1 for cell in label.cells if (value := number(cell)) is not None)


def _score(label: Column, is_pair: bool) -> Guess:
    values = [float(value) for cell in label.cells if (value := number(cell)) is not None]
    low, high = min(values), max(values)
    limits = [(0.0, 1.0), (0.0, 5.0), (1.0, 5.0), (-1.0, 1.0), (0.0, 10.0), (0.0, 100.0)]
    fitting = [(a, b) for a, b in limits if a <= low and high <= b and high > a + (b - a) / 2]
    score_range = list(fitting[0]) if fitting else [float(math.floor(low)), float(math.ceil(high))]
    kind, other = ("similarity", "regression") if is_pair else ("regression", None)
    notes = [f"'{label.name}' has numbers from {low:g} to {high:g}; check score_range"]
    if other:
        notes.append(f"kind: {other} predicts any score of a pair, not the cosine of its vectors")
    return Guess({"kind": kind, "score_range": score_range}, notes)


def _classes(label: Column) -> Guess:
    names = sorted_names({number(cell) if label.is_number else str(cell) for cell in label.cells})
    entry: dict[str, Any] = {"kind": "classification"}
    notes = [f"'{label.name}' has {len(names)} different values"]
    if label.is_number and len(names) > 2:
        if label.name.lower() in _RATINGS:
            entry["kind"] = "ordinal"
            notes.append("they are taken for ordered; kind: classification ignores the order")
        else:
            notes.append("if they are ordered: kind: ordinal; if they are amounts: regression")
    entry["labels"] = names if len(names) <= _LISTED else "auto"
    if label.is_number:
        notes.append("labels may get names, in the order of the numbers, with dataset_labels")
    return Guess(entry, notes)

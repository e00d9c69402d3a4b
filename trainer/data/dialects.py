"""How a csv or tsv file is written: as the task says, or found out from the file itself."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.data.files import TABLES, text_lines
from trainer.errors import InputError

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
QUOTINGS = ("standard", "none")
_SAMPLED = 100


@dataclass(frozen=True)
class Dialect:
    """What is known of how a table is written; None is to be found out.

    Attributes:
        separator: the character between two cells, or `tab`.
        quoting: `standard`: a cell may stand in quotes, inside which quotes are doubled. `none`:
            quotes are characters like others.
        encoding: of the text, as Python names it.

    Raises:
        InputError: naming the field that is wrong.
    """

    separator: str | None = None
    quoting: str | None = None
    encoding: str | None = None

    def __post_init__(self):
        if self.separator in ("tab", "\\t"):
            object.__setattr__(self, "separator", "\t")
        if self.separator is not None and not re.fullmatch(r'[^\r\n"\0\ufeff]', self.separator):
            raise InputError(
                f"field 'separator': {self.separator!r}: must be one character, such as ';', or tab"
            )
        if self.quoting not in (None, *QUOTINGS):
            raise InputError(f"field 'quoting': {self.quoting!r}: must be 'standard' or 'none'")
        try:
            "a".encode(self.encoding or "utf-8")
        except (LookupError, ValueError) as error:
            raise InputError(
                f"field 'encoding': {self.encoding!r} is no encoding of text that Python knows, "
                f"such as utf-8, windows-1252 or utf-16"
            ) from error


def table_reader(path: Path, separator: str, quoting: str, encoding: str) -> "Reader":
    """A reader of a table's rows, which raises `csv.Error` for quotes that do not pair."""
    return csv.reader(
        text_lines(path, encoding),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if quoting == "none" else csv.QUOTE_MINIMAL,
        strict=True,
    )


def find_dialect(path: Path, known: Dialect) -> tuple[str, str, str]:
    """A table's separator, quoting and encoding; what is in doubt is printed.

    Raises:
        InputError: for bytes that are none of the encoding.
    """
    encoding = known.encoding or _encoding(path)
    separator = known.separator or _separator(path, known.quoting, encoding)
    return separator, known.quoting or _quoting(path, separator, encoding), encoding


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        mark = file.read(2)
    return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"


def _separator(path: Path, quoting: str | None, encoding: str) -> str:
    """The separator by which the header and the first rows have the same number of cells, 2 or
    more; without any, the usual one of the file's kind, unless another alone divides the header.
    """
    usual = TABLES[path.suffix]
    ways = [quoting] if quoting else QUOTINGS
    counts = {
        separator: [_first_counts(path, separator, way, encoding) for way in ways]
        for separator in (usual, *SEPARATORS)
    }
    even = {s: max((c[0] for c in found if _are_even(c)), default=0) for s, found in counts.items()}
    found, others = usual, [separator for separator in counts if even[separator] > 1]
    if even[usual] < 2 and others:
        found = max(others, key=even.__getitem__)
    elif not even[usual]:
        dividing = [s for s, found in counts.items() if any(c and c[0] > 1 for c in found)]
        found = next(iter(dividing), usual)
    if found != usual or len(others) > 1:
        _say(path, f"read as cells between {SEPARATORS[found]}", "separator")
    return found


def _say(path: Path, how: str, field: str) -> None:
    print(f"{path}: {how}; if that is wrong, set the task's field '{field}'", flush=True)


def _first_counts(path: Path, separator: str, quoting: str, encoding: str) -> list[int]:
    """The numbers of cells of the header and the first rows; 0 for a row with a wrong quote."""
    counts: list[int] = []
    try:
        for count in islice(_counts(path, separator, quoting, encoding), _SAMPLED):
            counts.append(count)
    except csv.Error:
        counts.append(0)
    return counts


def _counts(path: Path, separator: str, quoting: str, encoding: str) -> Iterator[int]:
    return (len(row) for row in table_reader(path, separator, quoting, encoding) if row)


def _are_even(counts: Collection[int]) -> bool:
    return len(set(counts)) == 1


def _quoting(path: Path, separator: str, encoding: str) -> str:
    """`standard`, unless the quotes are more likely parts of the texts.

    They are if they do not pair, as in most data sets of tab-separated texts. Where both ways give
    a table, a file that doubles quotes, or quotes its header, was written by a program that quotes.
    """
    lines = _Lines(path, separator, encoding)
    if not lines.have_quotes:
        return "standard"
    tabs, as_parts = separator == "\t", "read with quotes as parts of the texts"
    try:
        quoted = Counter(_counts(path, separator, "standard", encoding))
    except csv.Error:
        quoted = Counter()
    if not _are_even(quoted):
        if not tabs and (quoted or not _are_even(lines.counts)):
            return "standard"
        if not tabs:
            _say(path, f"{as_parts}, since they do not pair", "quoting")
        return "none"
    rows, without = quoted.total() - 1, lines.counts.total() - 1
    if tabs and 1 not in quoted and _are_even(lines.counts) and not lines.show_quoting:
        _say(path, f"{as_parts}: {without} rows (otherwise {rows})", "quoting")
        return "none"
    if rows < without:
        _say(path, f"read as {rows} rows, some over several lines ({without} lines)", "quoting")
    return "standard"


class _Lines:
    """What the lines of a table are without quoting.

    Attributes:
        counts: number of cells -> how many lines have it.
        have_quotes: whether a cell begins with a quote.
        show_quoting: whether the first line has such a cell, or one in quotes has doubled ones.
    """

    def __init__(self, path: Path, separator: str, encoding: str):
        begins = re.compile(rf'(?:^|{re.escape(separator)})"')
        whole = re.compile(rf'{begins.pattern}((?:[^"]++|"")*+)"(?={re.escape(separator)}|$)')
        self.counts: Counter[int] = Counter()
        self.have_quotes = self.show_quoting = False
        for line in text_lines(path, encoding):
            text = line.rstrip("\r\n")
            if text and '"' in text and begins.search(text):
                cells = (found[1] for found in whole.finditer(text))
                self.have_quotes = True
                self.show_quoting |= not self.counts or any('""' in c or not c for c in cells)
            if text:
                self.counts[text.count(separator) + 1] += 1

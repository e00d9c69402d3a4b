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
# A first line with which Excel names the separator of the lines below it.
_DECLARED = re.compile(r'"?sep=([^\w\s"\0]|[\t ])"?[\r\n]*', re.IGNORECASE)
# Bytes at a file's beginning -> encodings that write them; the first is the one to read it with.
_MARKS = {
    codecs.BOM_UTF32_LE: ("utf-32", "utf-32-le"),
    codecs.BOM_UTF32_BE: ("utf-32", "utf-32-be"),
    codecs.BOM_UTF16_LE: ("utf-16", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("utf-16", "utf-16-be"),
    codecs.BOM_UTF8: ("utf-8", "utf-8-sig"),
}


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
        _lines(path, encoding),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if quoting == "none" else csv.QUOTE_MINIMAL,
        strict=True,
    )


def find_dialect(path: Path, known: Dialect, columns: Collection[str] = ()) -> tuple[str, str, str]:
    """A table's separator, quoting and encoding; what is in doubt is printed.

    Args:
        path: the file.
        known: what is known of it.
        columns: names of which some are in the header.

    Raises:
        InputError: for bytes that are none of the encoding.
    """
    encoding = _encoding(path, known.encoding)
    separator = known.separator or _declared(path, encoding)
    separator = separator or _separator(path, known.quoting, encoding, columns)
    return separator, known.quoting or _quoting(path, separator, encoding), encoding


def _encoding(path: Path, given: str | None) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    mark = next((mark for mark in _MARKS if start.startswith(mark)), None)
    if mark is None:
        return given or "utf-8"
    names = _MARKS[mark]
    if given is not None and codecs.lookup(given).name not in names:
        raise InputError(
            f"{path}: begins with the mark of {names[0].upper()}, so it is not {given}; leave out "
            f"the task's field 'encoding'"
        )
    return given or names[0]


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a table; those before its header are empty, so that all keep their numbers."""
    lines = text_lines(path, encoding)
    for line in lines:
        if line.strip(" \t\r\n") and not _DECLARED.fullmatch(line):
            yield line
            break
        yield "\n"
    yield from lines


def _declared(path: Path, encoding: str) -> str | None:
    """The separator that a line before the header names, if there is one."""
    for line in text_lines(path, encoding):
        found = _DECLARED.fullmatch(line)
        if found or line.strip(" \t\r\n"):
            return found and found[1]
    return None


def _separator(path: Path, quoting: str | None, encoding: str, columns: Collection[str]) -> str:
    """The separator by which the header has most of the columns' names.

    Among several, that by which the header and the first rows have the same number of cells, 2 or
    more; without any, the usual one of the file's kind, unless another alone divides the header.
    """
    usual = TABLES[path.suffix]
    ways = [quoting] if quoting else QUOTINGS
    samples = {
        separator: [_Sample(path, separator, way, encoding) for way in ways]
        for separator in (usual, *SEPARATORS)
    }
    named = {s: max(len({*columns} & {*f.header}) for f in found) for s, found in samples.items()}
    even = {
        s: max((f.counts[0] for f in found if _are_even(f.counts)), default=0)
        for s, found in samples.items()
    }
    likely = [s for s in samples if named[s] == max(named.values())]
    others = [s for s in likely if even[s] > 1]
    dividing = [s for s in likely if any(len(f.header) > 1 for f in samples[s])]
    found = usual if usual in likely else likely[0]
    if even[found] < 2 and others:
        found = max(others, key=even.__getitem__)
    elif not even[found]:
        found = next(iter(dividing), found)
    if found != usual or sum(count > 1 for count in even.values()) > 1:
        _say(path, f"read as cells between {SEPARATORS[found]}", "separator")
    return found


def _say(path: Path, how: str, field: str) -> None:
    print(f"{path}: {how}; if that is wrong, set the task's field '{field}'", flush=True)


class _Sample:
    """The beginning of a table, read with a separator and a quoting.

    Attributes:
        header: the names of the columns.
        counts: the numbers of cells of the header and the first rows; 0 for one with a wrong quote.
    """

    def __init__(self, path: Path, separator: str, quoting: str, encoding: str):
        self.header: list[str] = []
        self.counts: list[int] = []
        rows = filter(None, table_reader(path, separator, quoting, encoding))
        try:
            for row in islice(rows, _SAMPLED):
                self.header = self.header or row
                self.counts.append(len(row))
        except csv.Error:
            self.counts.append(0)


def _counts(path: Path, separator: str, quoting: str, encoding: str) -> Iterator[int]:
    return (len(row) for row in table_reader(path, separator, quoting, encoding) if row)


def _are_even(counts: Collection[int]) -> bool:
    return len(set(counts)) == 1


def _quoting(path: Path, separator: str, encoding: str) -> str:
    """`standard`, unless the quotes are more likely parts of the texts.

    They are if they do not pair, as in most data sets of tab-separated texts. Where both ways give
    a table, a file that doubles quotes, or quotes its header, was written by a program that quotes;
    but rows between two lone quotes are likelier than a text over lines that are all whole rows.
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
    shown = lines.quote_header or (lines.double_quotes and rows == without)
    if tabs and 1 not in quoted and _are_even(lines.counts) and not shown:
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
        quote_header: whether the first line has such a cell.
        double_quotes: whether a cell in quotes has doubled ones.
    """

    def __init__(self, path: Path, separator: str, encoding: str):
        begins = re.compile(rf'(?:^|{re.escape(separator)})"')
        whole = re.compile(rf'{begins.pattern}((?:[^"]++|"")*+)"(?={re.escape(separator)}|$)')
        self.counts: Counter[int] = Counter()
        self.have_quotes = self.quote_header = self.double_quotes = False
        for line in _lines(path, encoding):
            text = line.rstrip("\r\n")
            if text and '"' in text and begins.search(text):
                cells = (found[1] for found in whole.finditer(text))
                self.have_quotes = True
                self.quote_header |= not self.counts
                self.double_quotes |= any('""' in cell or not cell for cell in cells)
            if text:
                self.counts[text.count(separator) + 1] += 1

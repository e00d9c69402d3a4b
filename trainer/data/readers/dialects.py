"""Dialects of csv and tsv files: as configured for the task, or detected from the file."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.data.readers.options import QUOTINGS, ReadOptions
from trainer.data.readers.text_files import open_bytes, suffix_of, text_lines
from trainer.errors import InputError

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_SAMPLE_ROWS = 100
# Excel's declaration of the separator in the line before the header.
_DECLARATION = re.compile(r'"?sep=([^\w\s"\0]|[\t ])"?[\r\n]*', re.IGNORECASE)
# Byte order mark -> encodings that write it; the file is decoded with the first.
_MARKS = {
    codecs.BOM_UTF32_LE: ("utf-32", "utf-32-le"),
    codecs.BOM_UTF32_BE: ("utf-32", "utf-32-be"),
    codecs.BOM_UTF16_LE: ("utf-16", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("utf-16", "utf-16-be"),
    codecs.BOM_UTF8: ("utf-8", "utf-8-sig"),
}


def table_reader(path: Path, separator: str, quoting: str, encoding: str) -> "Reader":
    """Return a reader of a table's rows, which raises `csv.Error` for unmatched quotes."""
    return csv.reader(
        _lines(path, encoding),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if quoting == "none" else csv.QUOTE_MINIMAL,
        strict=True,
    )


def find_dialect(
    path: Path, given: ReadOptions, columns: Collection[str] = ()
) -> tuple[str, str, str]:
    """Return a table's separator, quoting and encoding; print those detected but ambiguous.

    Args:
        path: the file.
        given: the configured part of the dialect, and the format.
        columns: names of which some are in the header.

    Raises:
        InputError: for bytes that are invalid in the encoding.
    """
    encoding = _encoding(path, given.encoding)
    separator = given.separator or _declared_separator(path, encoding)
    separator = separator or _separator(path, given, encoding, columns)
    return separator, given.quoting or _quoting(path, separator, encoding), encoding


def _encoding(path: Path, given: str | None) -> str:
    with open_bytes(path) as file:
        start = file.read(4)
    mark = next((mark for mark in _MARKS if start.startswith(mark)), None)
    if mark is None:
        return given or "utf-8"
    names = _MARKS[mark]
    if given is not None and codecs.lookup(given).name not in names:
        raise InputError(
            f"{path}: begins with the byte order mark of {names[0].upper()}, so it is not {given}; "
            f"unset the option 'encoding'"
        )
    return given or names[0]


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines of a table, blank before its header to preserve line numbers."""
    lines = text_lines(path, encoding)
    for line in lines:
        if line.strip(" \t\r\n") and not _DECLARATION.fullmatch(line):
            yield line
            break
        yield "\n"
    yield from lines


def _declared_separator(path: Path, encoding: str) -> str | None:
    for line in text_lines(path, encoding):
        declaration = _DECLARATION.fullmatch(line)
        if declaration or line.strip(" \t\r\n"):
            return declaration and declaration[1]
    return None


def _separator(path: Path, given: ReadOptions, encoding: str, columns: Collection[str]) -> str:
    """Return the separator with which the header has most of the columns' names.

    Among several, prefer one with which the header and the first rows have the same number of
    cells, 2 or more; failing that, the suffix's, unless only another one divides the header.
    """
    usual = "\t" if (given.format or suffix_of(path)[1:]) == "tsv" else ","
    quotings = [given.quoting] if given.quoting else QUOTINGS
    samples = {s: [_Sample(path, s, q, encoding) for q in quotings] for s in (usual, *SEPARATORS)}
    named = {s: max(len({*columns} & {*f.header}) for f in fs) for s, fs in samples.items()}
    cells = {
        s: max((f.counts[0] for f in fs if _are_equal(f.counts)), default=0)
        for s, fs in samples.items()
    }
    likely = [s for s in samples if named[s] == max(named.values())]
    consistent = [s for s in likely if cells[s] > 1]
    dividing = [s for s in likely if any(len(f.header) > 1 for f in samples[s])]
    separator = usual if usual in likely else likely[0]
    if cells[separator] < 2 and consistent:
        separator = max(consistent, key=cells.__getitem__)
    elif not cells[separator]:
        separator = next(iter(dividing), separator)
    if separator != usual or sum(count > 1 for count in cells.values()) > 1:
        _report(path, f"read as cells between {SEPARATORS[separator]}", "separator")
    return separator


def _report(path: Path, message: str, field: str) -> None:
    """Print what was detected, once for a file, which every task with labels in it reads."""
    message = f"{path}: {message}; if that is wrong, set the option '{field}'"
    _print_once(message, path.stat().st_mtime_ns)


@cache
def _print_once(message: str, modified: int) -> None:
    print(message, flush=True)


class _Sample:
    """The beginning of a table, read with a separator and a quoting.

    Attributes:
        header: the names of the columns.
        counts: the numbers of cells of the header and the first rows; 0 for one with an invalid
            quote.
    """

    def __init__(self, path: Path, separator: str, quoting: str, encoding: str):
        self.header: list[str] = []
        self.counts: list[int] = []
        rows = filter(None, table_reader(path, separator, quoting, encoding))
        try:
            for row in islice(rows, _SAMPLE_ROWS):
                self.header = self.header or row
                self.counts.append(len(row))
        except csv.Error:
            self.counts.append(0)


def _counts(path: Path, separator: str, quoting: str, encoding: str) -> Iterator[int]:
    return (len(row) for row in table_reader(path, separator, quoting, encoding) if row)


def _are_equal(counts: Collection[int]) -> bool:
    return len(set(counts)) == 1


def _quoting(path: Path, separator: str, encoding: str) -> str:
    """Return `standard`, unless the quotes are more likely parts of the texts.

    They are if they are unmatched, as in most data sets of tab-separated texts. If both quotings
    yield a table, doubled quotes or a quoted header indicate a program that quotes; but rows
    between two lone quotes are likelier than a text over lines that are all complete rows.
    """
    lines = _Lines(path, separator, encoding)
    if not lines.have_quotes:
        return "standard"
    tabs, as_parts = separator == "\t", "read with quotes as parts of the texts"
    try:
        quoted = Counter(_counts(path, separator, "standard", encoding))
    except csv.Error:
        quoted = Counter()
    if not _are_equal(quoted):
        if not tabs and (quoted or not _are_equal(lines.counts)):
            return "standard"
        if not tabs:
            _report(path, f"{as_parts}, since they do not pair", "quoting")
        return "none"
    quoted_rows, rows = quoted.total() - 1, lines.counts.total() - 1
    is_quoted = lines.quote_header or (lines.double_quotes and quoted_rows == rows)
    if tabs and 1 not in quoted and _are_equal(lines.counts) and not is_quoted:
        _report(path, f"{as_parts}: {rows} rows (otherwise {quoted_rows})", "quoting")
        return "none"
    if quoted_rows < rows:
        _report(
            path, f"read as {quoted_rows} rows, some over several lines ({rows} lines)", "quoting"
        )
    return "standard"


class _Lines:
    """Statistics of the lines of a table without quoting.

    Attributes:
        counts: number of cells -> number of lines.
        have_quotes: whether a cell begins with a quote.
        quote_header: whether the first line has such a cell.
        double_quotes: whether a quoted cell contains doubled quotes.
    """

    def __init__(self, path: Path, separator: str, encoding: str):
        begins = re.compile(rf'(?:^|{re.escape(separator)})"')
        quoted = re.compile(rf'{begins.pattern}((?:[^"]++|"")*+)"(?={re.escape(separator)}|$)')
        self.counts: Counter[int] = Counter()
        self.have_quotes = self.quote_header = self.double_quotes = False
        for line in _lines(path, encoding):
            text = line.rstrip("\r\n")
            if text and '"' in text and begins.search(text):
                cells = (match[1] for match in quoted.finditer(text))
                self.have_quotes = True
                self.quote_header |= not self.counts
                self.double_quotes |= any('""' in cell or not cell for cell in cells)
            if text:
                self.counts[text.count(separator) + 1] += 1

"""A small corpus, pasted or uploaded, checked, and what is found in it as a CSV file."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UserError

# Of a pasted corpus, in characters, and of an uploaded file, in bytes.
MAX_SIZE = 2 * 1024 * 1024
# What a spreadsheet may take for the beginning of a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Corpus:
    """Different texts in their first order, and how many were left out."""

    texts: list[str]
    empty: int
    repeated: int

    def summary(self) -> str:
        """How many texts there are, and what was left out."""
        parts = [f"{len(self.texts):,} different texts"]
        parts += [f"{self.empty:,} empty left out"] if self.empty else []
        parts += [f"{self.repeated:,} repeated left out"] if self.repeated else []
        return ", ".join(parts)


def pasted_corpus(pasted: str | None, max_rows: int) -> Corpus:
    """A corpus of one text a line.

    Raises:
        UserError: if it is too large, has too many rows or fewer than two.
    """
    pasted = pasted or ""
    if len(pasted) > MAX_SIZE:
        raise UserError(f"Too much text: at most {MAX_SIZE:,} characters can be pasted.")
    lines = pasted.splitlines()
    # Blank lines between the texts are no rows.
    return _corpus([line for line in lines if line.strip()], max_rows)


def csv_columns(path: str | Path) -> list[str]:
    """The column names of an uploaded CSV file.

    Raises:
        UserError: if the file is no CSV file in UTF-8 with a header line.
    """
    return _read(Path(path))[0]


def csv_corpus(path: str | Path, column: str | None, max_rows: int) -> Corpus:
    """A corpus from a column of an uploaded CSV file.

    Raises:
        UserError: if the file is no CSV file in UTF-8, has no such column, too many rows, or fewer
            than two with a text.
    """
    header, rows = _read(Path(path))
    if column not in header:
        raise UserError(
            f"The file has no column '{column}'. Its columns: {', '.join(header)}. Choose one."
            if column
            else "Choose the column that holds the texts."
        )
    place = header.index(column)
    return _corpus([row[place] for row in rows], max_rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV table; a quote in front of a cell keeps a spreadsheet from taking it for a formula."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    for row in (header, *rows):
        writer.writerow(map(_as_text, row))
    return lines.getvalue()


def _as_text(cell: Any) -> Any:
    starts_a_formula = isinstance(cell, str) and cell.lstrip(" \n").startswith(FORMULA_STARTS)
    return f"'{cell}" if starts_a_formula else cell


def _corpus(rows: list[str], max_rows: int) -> Corpus:
    if len(rows) > max_rows:
        raise UserError(f"Too many rows: {len(rows):,}; at most {max_rows:,} can be searched.")
    # Half a character (a lone surrogate) has no UTF-8.
    whole = (row.encode("utf-8", "replace").decode("utf-8").strip() for row in rows)
    texts = [text for text in whole if text]
    different = list(dict.fromkeys(texts))
    if len(different) < 2:
        raise UserError("Give at least two different texts, one a line, or a CSV file of them.")
    return Corpus(different, len(rows) - len(texts), len(texts) - len(different))


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    if path.stat().st_size > MAX_SIZE:
        raise UserError(f"The file is too large: at most {MAX_SIZE:,} bytes can be read.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            "This is not a CSV file in UTF-8. In a spreadsheet, save it as 'CSV UTF-8'."
        ) from error
    if "\0" in text:
        raise UserError("This is not a CSV file: it holds binary data.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise UserError(f"This is not a CSV file; line {reader.line_num}: {error}.") from error
    if len(rows) < 2:
        raise UserError("The file has no rows: it needs a line of column names and rows below it.")
    header = rows[0][1]
    if len(set(header)) != len(header) or not all(name.strip() for name in header):
        raise UserError("The first line must hold the column names, each of them once.")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise UserError(
                f"This is not a whole CSV file: line {line} has {len(row)} cells under "
                f"{len(header)} column names. Put quotes around a cell that holds the separator."
            )
    return header, [row for _, row in rows[1:]]


def _separator(text: str) -> str:
    """The separator that the header line has most of; spreadsheets write one of three."""
    header = text.lstrip().split("\n", 1)[0]
    return max(",;\t", key=header.count)

"""A small corpus, pasted or uploaded as CSV, and the CSV file of its results."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UserError

# The maximum of a pasted corpus, in characters, and of an uploaded file, in bytes.
MAX_SIZE = 2 * 1024 * 1024
# Characters that start a formula in spreadsheets.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Corpus:
    """Distinct texts in order of first occurrence, and counts of omitted rows."""

    texts: list[str]
    empty: int
    repeated: int

    def summary(self) -> str:
        """Return the number of texts and of omitted rows as text."""
        parts = [f"{len(self.texts):,} different texts"]
        parts += [f"{self.empty:,} empty omitted"] if self.empty else []
        parts += [f"{self.repeated:,} repeated omitted"] if self.repeated else []
        return ", ".join(parts)


def pasted_corpus(pasted: str | None, max_rows: int) -> Corpus:
    """Return a corpus of one text per line.

    Raises:
        UserError: if it is too large, or has too many or fewer than two texts.
    """
    pasted = pasted or ""
    if len(pasted) > MAX_SIZE:
        raise UserError(f"Too much text; the maximum is {MAX_SIZE:,} characters.")
    lines = pasted.splitlines()
    # Blank lines between the texts do not count as rows.
    return _corpus([line for line in lines if line.strip()], max_rows)


def csv_columns(path: str | Path) -> list[str]:
    """Return the column names of an uploaded CSV file.

    Raises:
        UserError: if the file is not a CSV file in UTF-8 with a header line.
    """
    return _read(Path(path))[0]


def csv_corpus(path: str | Path, column: str | None, max_rows: int) -> Corpus:
    """Return a corpus from a column of an uploaded CSV file.

    Raises:
        UserError: if the file is not a CSV file in UTF-8, has no such column, too many rows, or
            fewer than two texts.
    """
    header, rows = _read(Path(path))
    if column not in header:
        raise UserError(
            f"The file has no column '{column}'. Choose one of: {', '.join(header)}."
            if column
            else "Choose the column of the texts."
        )
    index = header.index(column)
    return _corpus([row[index] for row in rows], max_rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a CSV table; cells that spreadsheets would read as formulas get a leading quote."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    for row in (header, *rows):
        writer.writerow(map(_escape_formula, row))
    return lines.getvalue()


def _escape_formula(cell: Any) -> Any:
    is_formula = isinstance(cell, str) and cell.lstrip(" \n").startswith(FORMULA_STARTS)
    return f"'{cell}" if is_formula else cell


def _corpus(rows: list[str], max_rows: int) -> Corpus:
    if len(rows) > max_rows:
        raise UserError(f"Too many rows: {len(rows):,}; the maximum is {max_rows:,}.")
    # Lone surrogates cannot be encoded in UTF-8.
    encodable = (row.encode("utf-8", "replace").decode("utf-8").strip() for row in rows)
    texts = [text for text in encodable if text]
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < 2:
        raise UserError("Enter at least two different texts, one per line, or upload a CSV file.")
    return Corpus(distinct, len(rows) - len(texts), len(texts) - len(distinct))


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    if path.stat().st_size > MAX_SIZE:
        raise UserError(f"The file is too large; the maximum is {MAX_SIZE:,} bytes.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            "This is not a CSV file in UTF-8. In a spreadsheet, save it as 'CSV UTF-8'."
        ) from error
    if "\0" in text:
        raise UserError("This is not a CSV file: it contains binary data.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise UserError(f"This is not a CSV file; line {reader.line_num}: {error}.") from error
    if len(rows) < 2:
        raise UserError("The file has no rows. It needs a line of column names with rows below it.")
    header = rows[0][1]
    if len(set(header)) != len(header) or not all(name.strip() for name in header):
        raise UserError("The first line must contain the column names, without duplicates.")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise UserError(
                f"The CSV file is malformed: line {line} has {len(row)} cells for {len(header)} "
                f"column names. Quote cells that contain the separator."
            )
    return header, [row for _, row in rows[1:]]


def _separator(text: str) -> str:
    """Return the most frequent of three common separators in the header line."""
    header = text.lstrip().split("\n", 1)[0]
    return max(",;\t", key=header.count)

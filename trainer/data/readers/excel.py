"""Reading of xlsx files with pandas and openpyxl."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset

from trainer.data.readers.arrow_columns import column
from trainer.data.readers.options import ReadOptions
from trainer.data.readers.tables import header_of
from trainer.errors import InputError, did_you_mean, join_truncated
from trainer.extras import import_extra


def read_excel(path: Path, options: ReadOptions) -> Dataset:
    """Return the rows of one sheet, without blank ones; an empty cell is a null.

    Numbers stay numbers, dates become text, and a formula is the result that is stored with it. If
    there are several sheets and none is named, the first is read, and this is printed.

    Raises:
        InputError: without pandas and openpyxl, or for an unknown sheet, an empty one or a
            duplicate column name.
    """
    import_extra("openpyxl", "excel", str(path))
    pandas = import_extra("pandas", "excel", str(path))
    with pandas.ExcelFile(path, engine="openpyxl") as book:
        # Without a header, pandas renames no column; without a type, it converts no cell.
        cells = pandas.read_excel(
            book,
            sheet_name=_sheet(path, book.sheet_names, options.sheet),
            header=None,
            dtype=object,
            keep_default_na=False,
            na_filter=False,
        )
    rows = [list(map(_plain, row)) for row in cells.itertuples(index=False)]
    rows = [row for row in rows if any(cell is not None for cell in row)]
    names = ["" if name is None else str(name) for name in rows[0]] if rows else []
    header = header_of(path, names)
    columns = zip(*rows[1:], strict=True) if len(rows) > 1 else ([] for _ in header)
    return Dataset(pa.table({name: column(c) for name, c in zip(header, columns, strict=True)}))


def _sheet(path: Path, names: list[str], wanted: str | None) -> str:
    if wanted is None and len(names) > 1:
        print(
            f"{path}: the sheet '{names[0]}' is read, not {join_truncated(names[1:])}; if that is "
            "wrong, set the option 'sheet'",
            flush=True,
        )
    if wanted is not None and wanted not in names:
        raise InputError(
            f"{path}: there is no sheet '{wanted}' (found: {join_truncated(names)})."
            f"{did_you_mean(wanted, names)}"
        )
    return names[0] if wanted is None else wanted


def _plain(cell: Any) -> Any:
    if isinstance(cell, float) and cell != cell:  # pandas' value of a cell with an error
        return None
    if isinstance(cell, (bool, int, float)):
        return cell
    return str(cell) or None

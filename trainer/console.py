"""Lines and tables for a person: styled in a terminal, plain elsewhere."""

import sys
from collections.abc import Sequence
from io import StringIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Columns of what is not a terminal, such as a pipe or a file.
PLAIN_WIDTH = 120

# The text of a table's cell, or the text and its style in a terminal, such as `bold green`.
Cell = str | tuple[str, str]


def show(text: str, style: str = "") -> None:
    """Print a line or more, in a style if standard output is a terminal."""
    _print(Text(text, style=style))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], texts: int = 1) -> None:
    """Print a table.

    Args:
        columns: their headers.
        rows: the cells of each row.
        texts: the number of columns, from the left, that hold text and not numbers.
    """
    is_terminal = sys.stdout.isatty()
    table = Table(
        box=box.SIMPLE_HEAD if is_terminal else None,
        show_edge=False,
        pad_edge=False,
        header_style="bold",
    )
    for number, header in enumerate(columns):
        # Numbers are never cut off; long names are folded.
        number_column = number >= texts
        table.add_column(
            Text(header),
            justify="right" if number_column else "left",
            no_wrap=number_column,
            overflow="fold",
        )
    for cells in rows:
        table.add_row(*(Text(c) if isinstance(c, str) else Text(*c) for c in cells))
    _print(table)


def _print(content: Text | Table) -> None:
    if sys.stdout.isatty():
        Console(file=sys.stdout, highlight=False).print(content)
        return
    # Of rich alone, lines would end in spaces.
    lines = StringIO()
    Console(file=lines, width=PLAIN_WIDTH, highlight=False, color_system=None).print(
        content, soft_wrap=isinstance(content, Text)
    )
    print("\n".join(line.rstrip() for line in lines.getvalue().splitlines()), flush=True)

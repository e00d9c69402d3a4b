"""A table that stays below the lines of a terminal."""

import io
import os

import pytest

from trainer.search import live_table
from trainer.search.live_table import LiveTable


class Terminal(io.StringIO):
    """What a terminal shows, for the codes that the table uses."""

    def isatty(self):
        return True

    @property
    def shown(self):
        lines = [""]
        for part in self.getvalue().replace("\x1b[J", "").split("\x1b["):
            count, is_move, text = part.partition("F")
            if is_move and count.isdigit():
                lines = [*lines[: -1 - int(count)], ""]
            else:
                text = part
            first, *rest = text.split("\n")
            lines = [*lines[:-1], lines[-1] + first, *rest]
        return "\n".join(lines)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(live_table.shutil, "get_terminal_size", lambda: os.terminal_size((20, 6)))
    return Terminal()


def test_the_latest_table_stays_below_the_lines(terminal):
    table = LiveTable(terminal)
    table.print("first")
    table.update("a 1\nb 2")
    table.print("second")
    assert terminal.shown == "first\nsecond\n\na 1\nb 2\n"
    table.update("a 3")
    assert terminal.shown == "first\nsecond\n\na 3\n"
    table.close()
    assert terminal.shown == "first\nsecond\n"


def test_it_is_cut_to_what_can_be_erased(terminal):
    table = LiveTable(terminal)
    table.update("\n".join([f"row {i} with a long name" for i in range(9)]))
    assert terminal.shown == "\nrow 0 with a long n\nrow 1 with a long n\nrow 2 with a long n\n"


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_elsewhere_there_are_lines_alone(stream, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    file = stream()
    table = LiveTable(file)
    table.update("a 1")
    table.print("first")
    table.close()
    assert file.getvalue() == "first\n"

import io
from contextlib import redirect_stdout

from trainer.console import show, show_table


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(function, *arguments, terminal=False, **options):
    screen = Terminal() if terminal else io.StringIO()
    with redirect_stdout(screen):
        function(*arguments, **options)
    return screen.getvalue()


def test_outside_a_terminal_lines_are_plain_and_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    text = "a long line " * 20
    assert shown(show, text, "bold red") == f"{text.rstrip()}\n"


def test_outside_a_terminal_a_table_is_aligned_text():
    rows = [["mood", ("0.5", "bold")], ["[same]", "12.25"]]
    assert shown(show_table, ["task", "score"], rows).splitlines() == [
        "task    score",
        "mood      0.5",
        "[same]  12.25",
    ]


def test_a_terminal_gets_styles(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[1m" in shown(show, "a line", "bold", terminal=True)
    assert "\x1b[" in shown(show_table, ["task"], [[("mood", "bold green")]], terminal=True)


def test_in_a_narrow_terminal_numbers_stay_whole_and_names_are_folded(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    name = "a_task_with_a_name_longer_than_the_screen"
    text = shown(show_table, ["task", "score"], [[name, "0.12345678"]], terminal=True)
    assert "0.12345678" in text
    assert name in "".join(text.split()).replace("0.12345678", "")

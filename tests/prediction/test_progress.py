import sys

from trainer.prediction import progress


def test_without_a_terminal_a_line_now_and_then_has_the_speed_and_the_time_left(
    monkeypatch, capsys
):
    seconds = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    with progress.show_progress(10_000, 1_000) as shown:
        for seconds[0] in (10.0, 20.0, 40.0, 50.0, 80.0):
            shown.update(1_000)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "4,000 of 10,000 rows, 75 rows/s, 01:20 left"
    assert second.startswith("6,000 of 10,000 rows")


def test_an_unknown_number_of_rows_has_no_time_left(monkeypatch, capsys):
    seconds = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: seconds[0])
    with progress.show_progress(None, 0) as shown:
        seconds[0] = 30.0
        shown.update(600)
    assert capsys.readouterr().err == "600 rows, 20 rows/s\n"


def test_a_terminal_has_a_bar_that_ends_full(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.show_progress(99, 0) as shown:  # about: it was counted by lines
        shown.update(50)
    assert "50/50" in capsys.readouterr().err

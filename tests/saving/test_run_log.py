import re
from pathlib import Path

from trainer.saving.run_log import RunLog


def lines_of(path):
    return [line.split("  ", 1)[-1] for line in path.read_text(encoding="utf-8").splitlines()]


def test_lines_before_the_file_is_opened_are_in_it_too_each_with_its_time(tmp_path):
    log, path = RunLog(), tmp_path / "run.log"
    log.write("first\nsecond\n")
    assert not path.exists()
    log.open(path)
    log.write("third")
    assert lines_of(path) == ["first", "second", "third"]
    assert all(
        re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", x) for x in path.read_text().splitlines()
    )


def test_a_file_is_continued(tmp_path):
    path = tmp_path / "run.log"
    for text in ("before", "after"):
        log = RunLog()
        log.open(path)
        log.write(text)
        log.close()
    assert lines_of(path) == ["before", "after"]


def test_colors_are_left_out(tmp_path):
    log = RunLog()
    log.open(tmp_path / "run.log")
    log.write("\x1b[1mbold\x1b[0m \x1b[2Kline")
    assert lines_of(tmp_path / "run.log") == ["bold line"]


def test_a_full_disk_ends_the_log_and_not_the_run(capsys):
    log = RunLog()
    log.open(Path("/dev/full"))
    log.write("lost")
    log.write("lost as well")
    assert capsys.readouterr().err.count("No space left on device") == 1

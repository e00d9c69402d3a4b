"""Processes that are killed at moments of all kinds, and memory that does not grow."""

import subprocess
import sys
import time

import psutil
import pytest

from tests.processes import finish, kill_all

pytestmark = pytest.mark.slow
ROWS = 30_000


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    write_rows(path, ROWS)
    return path


def write_rows(path, count):
    words = ["a", "good", "film", "was", "very", "dull", "in", "paris"]
    with path.open("w") as file:
        file.write("id,text\n")
        for i in range(count):
            file.write(f"{i},{' '.join(words[: 1 + i * 5 % 8])}\n")


def start(rows, output, workers, pause=0.0, engine="processes"):
    script = "tests/prediction/fake_pipeline.py"
    command = [sys.executable, "-c", f"import runpy, sys; sys.path.insert(0, '.'); "
               f"runpy.run_path('{script}', run_name='__main__')"]  # fmt: skip
    return subprocess.Popen(
        [*command, str(rows), str(output), str(workers), str(pause), engine],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def whole(rows):
    output = rows.with_name("whole.csv")
    finish(start(rows, output, 1))
    assert sum(1 for _ in output.open()) == ROWS + 1
    return output.read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    rows, whole, tmp_path, workers
):
    output = tmp_path / "a.csv"
    journal = tmp_path / "a.csv.journal.jsonl"
    for lines in (0, 3):
        running = start(rows, output, workers, pause=0.004)
        deadline = time.monotonic() + 120
        while not (journal.exists() and journal.read_bytes().count(b"\n") > lines):
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        kill_all(running)
        assert not output.exists()
    said = finish(start(rows, output, workers))
    assert "rows are done already; going on" in said
    assert output.read_bytes() == whole
    assert not (tmp_path / "a.csv.chunks").exists()


def test_memory_is_flat(tmp_path):
    peaks = {}
    for count in (20_000, 200_000):
        write_rows(tmp_path / f"{count}.csv", count)
        running = start(tmp_path / f"{count}.csv", tmp_path / f"{count}.jsonl", 1)
        process, peak = psutil.Process(running.pid), 0
        while running.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.02)
        finish(running)
        peaks[count] = peak
    grown = peaks[200_000] - peaks[20_000]
    print(f"peak memory: {peaks}")
    assert grown < 60e6  # ten times the rows

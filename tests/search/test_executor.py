"""Worker processes with a function in place of training."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.search.targets import patient, process
from trainer.search.executor import ProcessExecutor
from trainer.search.journal import Journal


@pytest.fixture
def executor():
    executors = []

    def make(target):
        executors.append(ProcessExecutor(target, preload=()))
        return executors[-1]

    yield make
    for each in executors:
        each.close()


def test_a_worker_is_used_again_unless_its_segment_failed(executor):
    workers = executor(process)
    found = []
    for number, request in enumerate(["first", "second", "fail", "third"]):
        workers.submit(number, request)
        found.append(workers.wait())
    assert [key for key, _ in found] == [0, 1, 2, 3]
    pids = [result.score for _, result in found]
    assert pids[0] == pids[1] and pids[2] is None and pids[3] not in (None, pids[0])
    assert found[2][1].error == "failed"


def test_an_idle_worker_that_was_killed_is_replaced(executor):
    workers = executor(process)
    workers.submit(1, "first")
    pid = workers.wait()[1].score
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid))
    workers.submit(2, "second")
    assert workers.wait()[1].score not in (None, pid)


def test_a_worker_that_only_it_was_asked_to_stop_is_a_failed_trial(executor, tmp_path):
    workers = executor(patient)
    workers.submit(1, (str(tmp_path), 1))
    os.kill(begun(tmp_path, 1), signal.SIGTERM)
    key, result = workers.wait()
    assert key == 1 and result.error == "the process was stopped by a signal"


def test_closing_does_not_wait_for_running_segments(executor, tmp_path):
    workers = executor(patient)
    workers.submit(1, (str(tmp_path), 1))
    pid = begun(tmp_path, 1)
    workers.close()
    assert not is_running(pid) and not (tmp_path / "1.saved").exists()


@pytest.fixture
def driver(tmp_path):
    """A search with two segments at once, that wait."""
    command = [sys.executable, "-m", "tests.search.driver", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        yield running
        running.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_search_ends_tidily_on_a_signal(driver, tmp_path, number):
    pids = [begun(tmp_path, trial) for trial in (1, 2)]
    driver.send_signal(number)
    _, errors = driver.communicate(timeout=120)
    assert driver.returncode == 75
    assert errors == "stopping: running trials save a checkpoint\n"
    assert sorted(path.name for path in tmp_path.glob("*.saved")) == ["1.saved", "2.saved"]
    assert not any(map(is_running, pids))
    entries = list(Journal(tmp_path / "journal.jsonl").read())
    assert not any("tell" in entry for entry in entries)  # both go on later


@pytest.mark.slow
def test_a_killed_search_leaves_no_process(driver, tmp_path):
    pids = [begun(tmp_path, trial) for trial in (1, 2)]
    driver.kill()
    wait_until(lambda: not any(map(is_running, pids)))
    assert not list(tmp_path.glob("*.saved"))


def begun(folder, trial):
    """The process of a trial's segment, when that has begun."""
    path = folder / f"{trial}.begun"
    wait_until(lambda: path.is_file() and path.read_text())
    return int(path.read_text())


def wait_until(is_true):
    end = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

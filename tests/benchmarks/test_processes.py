"""Workers answer one request after another; one that fails is absent with its reason."""

import pytest

from benchmarks.speed.processes import AbsentError, Worker, environment, own_python

ECHO = "tests.benchmarks.echo_worker"


def test_a_worker_answers_in_turn_whatever_it_prints(tmp_path):
    with Worker("echo", own_python(), ECHO, {"factor": 3}, tmp_path, threads=1) as worker:
        assert worker.ask(number=2) == {"result": 6, "threads": "1"}
        assert worker.ask(number=5) == {"result": 15, "threads": "1"}
    assert "printed by a library" in (tmp_path / "echo.log").read_text()


def test_a_worker_that_fails_says_why(tmp_path):
    with pytest.raises(AbsentError, match="KeyError: 'factor'"):
        Worker("echo", own_python(), ECHO, {}, tmp_path, threads=1)


def test_a_worker_that_ends_while_it_works_says_why(tmp_path):
    with (
        Worker("echo", own_python(), ECHO, {"factor": 3}, tmp_path, threads=1) as worker,
        pytest.raises(AbsentError, match="TypeError"),
    ):
        worker.ask(number=None)


def test_everyone_has_the_same_threads():
    variables = environment(2, HF_DATASETS_CACHE="elsewhere")
    assert variables["OMP_NUM_THREADS"] == variables["RAYON_NUM_THREADS"] == "2"
    assert variables["HF_DATASETS_CACHE"] == "elsewhere"

"""Searches with a function in place of training."""

import os
import signal
import subprocess
import sys
import time

import pytest

from trainer.search.executor import ProcessExecutor
from trainer.search.run import Search
from trainer.search.study import Study
from trainer.search.trials import Result


def study(folder, **settings):
    space = {"learning_rate": [1e-5, 2e-5], "seed_of_data": [1, 2]}
    return (
        Study("s", {}, str(folder), **{"space": {}, **settings})
        if settings.pop("empty", False)
        else Study("s", {}, str(folder), **{"seeds": [1], **settings}, space=_space(space))
    )


def _space(given):
    from trainer.search.space import read_space

    return read_space(given)


def request(trial, segment):
    return trial.seed, dict(trial.values)


def quality(given):
    seed, values = given
    return Result(seed + values["learning_rate"])


def dies(given):
    if given[1]["learning_rate"] == 2e-5:
        os.kill(os.getpid(), signal.SIGKILL)
    return quality(given)


def run(found, target, **settings):
    executor = ProcessExecutor(target, preload=())
    try:
        search = Search(found, request)
        search.run(executor)
        return search
    finally:
        executor.close()


def test_a_grid_is_searched(tmp_path):
    search = run(study(tmp_path, parallel=2), quality)
    assert sorted(r.score for _, r in search.results) == [1.00001, 1.00001, 1.00002, 1.00002]
    assert Search(study(tmp_path), request).method.done


def test_a_killed_worker_is_a_failed_trial(tmp_path):
    search = run(study(tmp_path), dies)
    assert [r.score is None for _, r in search.results] == [False, False, True, True]
    assert "killed by SIGKILL" in search.results[2][1].error


def test_a_hundred_trivial_trials_take_little_time(tmp_path):
    found = study(tmp_path, seeds=list(range(25)), parallel=2)
    executor = ProcessExecutor(quality, preload=())
    executor.submit("warm", (1, {"learning_rate": 1}))
    executor.wait()
    begin = time.monotonic()
    Search(found, request).run(executor)
    seconds = time.monotonic() - begin
    executor.close()
    print(seconds)

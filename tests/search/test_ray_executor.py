"""Workers of a real Ray, with a function in place of training."""

import os
import signal
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.search.targets import killed, process, quality, told
from tests.search.test_executor import begun, is_running, wait_until
from tests.search.test_run import request, study, table
from trainer.errors import InputError
from trainer.search.journal import Journal
from trainer.search.ray_executor import RayExecutor
from trainer.search.run import Search

pytestmark = [
    pytest.mark.slow,
    # Not imported, since Ray reads its environment variables then.
    pytest.mark.skipif(find_spec("ray") is None, reason="needs pip install '.[ray]'"),
]
UNBROKEN = [(1, 1.00001), (2, 1.00001), (3, 1.00002), (4, 1.00002)]


@pytest.fixture
def executor(tmp_path):
    executors = []

    def make(target, parallel=2, address=None, witness=None):
        if witness is None:
            witness = tmp_path / "witness"
            witness.touch()
        executors.append(RayExecutor(target, parallel, 1, address, witness))
        return executors[-1]

    yield make
    for each in executors:
        each.close()


def test_a_worker_is_used_again_unless_its_segment_failed(executor):
    workers = executor(process, parallel=1)
    found = []
    for number, given in enumerate(["first", "second", "fail", "third"]):
        workers.submit(number, given)
        found.append(workers.wait())
    assert [key for key, _ in found] == [0, 1, 2, 3]
    pids = [result.score for _, result in found]
    assert pids[0] == pids[1] and pids[2] is None and pids[3] not in (None, pids[0])
    assert found[2][1].error == "failed"
    os.kill(pids[3], signal.SIGKILL)  # while it is idle
    wait_until(lambda: not is_running(pids[3]))
    workers.submit(4, "fourth")
    assert workers.wait()[1].score not in (None, pids[3])


def test_a_killed_worker_is_a_failed_trial_and_the_others_go_on(tmp_path, executor):
    search = Search(study(tmp_path, parallel=2), request)
    search.run(executor(killed))
    results = {segment.trial: result for segment, result in search.results}
    assert [results[n].score is None for n in (1, 2, 3, 4)] == [False, False, True, True]
    assert results[3].error == "the process was killed or crashed, maybe since memory ran out"


def test_a_cluster_of_two_nodes_gives_the_same_table(tmp_path, executor):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        search = Search(study(tmp_path, parallel=2), request)
        workers = executor(quality, address=cluster.address, witness=search.journal.path)
        search.run(workers)
        workers.close()
        assert table(search) == UNBROKEN
        with pytest.raises(InputError, match="need 3 CPUs, and the cluster has 2"):
            executor(quality, parallel=3, address=cluster.address)
    finally:
        cluster.shutdown()


def test_the_run_of_a_lost_node_is_repeated_on_the_other_node(tmp_path, executor):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    lost = cluster.add_node(num_cpus=1)

    def lose():
        pids = [begun(tmp_path, trial) for trial in (1, 2)]
        cluster.remove_node(lost, allow_graceful=False)
        wait_until(lambda: not all(map(is_running, pids)))
        (tmp_path / "go").touch()
        return pids

    try:
        search = Search(study(tmp_path, parallel=2), lambda trial, _: (str(tmp_path), trial.number))
        workers = executor(told, address=cluster.address, witness=search.journal.path)
        with ThreadPoolExecutor(1) as threads:
            losing = threads.submit(lose)
            search.run(workers)
            pids = losing.result()
        workers.close()
        assert sorted(result.score for _, result in search.results) == [1, 2, 3, 4]
        repeated = [t for t, pid in zip((1, 2), pids, strict=True) if begun(tmp_path, t) != pid]
        assert len(repeated) == 1
    finally:
        cluster.shutdown()


def test_ray_starts_beside_all_extras(executor):
    """It does not beside a package that brings a part of OpenTelemetry."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra, requirements in project["optional-dependencies"].items():
        for requirement in requirements if extra != "dev" else []:
            try:
                version(Requirement(requirement).name)
            except PackageNotFoundError:
                pytest.skip(f"needs pip install '.[{extra}]'")
    workers = executor(process, parallel=1)
    workers.submit(1, "first")
    assert workers.wait()[1].error is None


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("here", "expected HOST:PORT of a Ray cluster, or auto"),
        ("127.0.0.1:9", "no Ray cluster answers"),
    ],
)
def test_a_wrong_address_is_refused_at_once(executor, address, message):
    with pytest.raises(InputError, match=f"address = {address}: {message}"):
        executor(quality, address=address)


@pytest.fixture
def driver(tmp_path):
    """Searches in processes of their own, of which the third and the fourth trial wait."""
    started = []

    def start():
        command = [sys.executable, "-m", "tests.search.driver", str(tmp_path), "ray", "halting"]
        started.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for search in started:
        with search:
            search.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_search_ends_tidily_on_a_signal(driver, tmp_path, number):
    search = driver()
    pids = [begun(tmp_path, trial) for trial in (3, 4)]
    if number == signal.SIGINT:
        os.killpg(search.pid, number)  # as a terminal does
    else:
        search.send_signal(number)
    printed, _ = search.communicate(timeout=120)
    assert search.returncode == 75
    assert printed == "stopping: running trials save a checkpoint\n"
    assert sorted(path.name for path in tmp_path.glob("*.saved")) == ["3.saved", "4.saved"]
    assert not any(map(is_running, pids))
    assert len(results(tmp_path)) == 2  # the others go on later


def test_a_grid_goes_on_after_its_search_was_killed(driver, tmp_path):
    search = driver()
    pids = [begun(tmp_path, trial) for trial in (3, 4)]
    os.kill(search.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, pids)))
    assert not list(tmp_path.glob("*.saved")) and results(tmp_path) == [(1, 1), (2, 2)]
    (tmp_path / "go").touch()
    search = driver()
    printed, _ = search.communicate(timeout=120)
    assert search.returncode == 0 and printed == ""
    assert results(tmp_path) == [(1, 1), (2, 2), (3, 3), (4, 4)]


def results(folder):
    entries = Journal(folder / "journal.jsonl").read()
    told = [entry for entry in entries if "tell" in entry]
    return sorted((entry["tell"]["trial"], entry["result"]["score"]) for entry in told)

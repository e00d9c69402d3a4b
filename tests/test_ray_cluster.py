"""The start of Ray: what is refused before Ray would wait for minutes, without telemetry."""

import os
import sys

import pytest

from tests.fake_ray import FakeRay
from trainer import ray_cluster
from trainer.errors import InputError
from trainer.ray_cluster import check_address, gpu_share, import_ray, last_line, start_ray

OPTIONS = {"address": "--address", "workers": "--workers", "threads": "--threads"}


@pytest.fixture
def ray(monkeypatch):
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_worker_niceness", "RAY_DEDUP_LOGS_SKIP_REGEX"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return fake


def test_a_missing_ray_is_one_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"^--engine ray: needs ray, .* 'hybrid-mtl\[ray\]'"):
        import_ray("--engine ray")


def test_ray_is_imported_without_telemetry(ray):
    assert import_ray("--engine ray") is ray
    given = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    assert given["RAY_USAGE_STATS_ENABLED"] == given["RAY_worker_niceness"] == "0"


def test_a_part_of_opentelemetry_is_refused(ray, monkeypatch):
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: name == "opentelemetry" or None)
    with pytest.raises(InputError, match="pip install opentelemetry-api"):
        import_ray("--engine ray")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("here", "expected HOST:PORT of a Ray cluster, or auto"),
        ("127.0.0.1:9", "no Ray cluster answers"),
        ("127.0.0.1:99999", "no Ray cluster answers"),
    ],
)
def test_a_wrong_address_is_refused_at_once(address, message):
    with pytest.raises(InputError, match=f"--address = {address}: {message}"):
        check_address(address, "--address")


def test_addresses_that_ray_finds_itself_are_not_tried():
    check_address("auto", "--address")
    check_address(None, "--address")


def test_a_local_ray_has_the_needed_cpus_and_workers_their_threads(ray, monkeypatch):
    given = {}
    monkeypatch.setattr(ray, "init", lambda address, **options: given.update(options, at=address))
    start_ray(ray, None, 2, 2, OPTIONS)
    assert (given["at"], given["num_cpus"], given["include_dashboard"]) == ("local", 4, False)
    assert given["runtime_env"]["env_vars"]["OMP_NUM_THREADS"] == "2"
    start_ray(ray, "auto", 2, 2, OPTIONS)
    assert given["at"] == "auto"


def test_too_few_cpus_are_refused(ray):
    with pytest.raises(
        InputError, match="--workers = 5, --threads = 1: need 5 CPUs, and the cluster has 4"
    ):
        start_ray(ray, "auto", 5, 1, OPTIONS)


def test_a_ray_that_does_not_start_is_one_line(ray, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no space\nTraceback")

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(InputError, match="Ray cannot be started here: no space$"):
        start_ray(ray, None, 1, 1, OPTIONS)


@pytest.mark.parametrize(
    ("gpus", "workers", "share"), [(0, 2, 0), (2, 2, 1), (4, 2, 1), (2, 3, 0.5), (1, 3, 0.3333)]
)
def test_gpus_are_divided_among_workers(gpus, workers, share):
    assert gpu_share(FakeRay(gpus), workers) == share


def test_the_reason_of_an_error_is_its_last_line_without_advice():
    error = Exception("The actor died.\nWorker exit detail: killed by 9. Some common causes are")
    assert last_line(error) == "killed by 9."

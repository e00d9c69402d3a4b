"""Predictions by a real Ray: the bytes of one process, also when processes and nodes are lost."""

import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest

from tests.prediction.fake_pipeline import OpenFake, job
from tests.prediction.test_killed import ROWS, start, write_rows
from tests.processes import finish, kill_all
from trainer.prediction.run import predict_files

pytestmark = [
    pytest.mark.slow,
    # Not imported, since Ray reads its environment variables then.
    pytest.mark.skipif(find_spec("ray") is None, reason="needs pip install '.[ray]'"),
]


def wait_for_lines(journal, count, is_running):
    end = time.monotonic() + 240
    while not (journal.exists() and journal.read_bytes().count(b"\n") > count):
        assert is_running() and time.monotonic() < end
        time.sleep(0.02)


def test_a_run_that_is_killed_goes_on_and_ends_with_the_bytes_of_one_process(tmp_path):
    rows, whole, output = tmp_path / "rows.csv", tmp_path / "whole.csv", tmp_path / "a.csv"
    write_rows(rows, ROWS)
    finish(start(rows, whole, 1))
    running = start(rows, output, 2, pause=0.004, engine="ray")
    journal = tmp_path / "a.csv.journal.jsonl"
    wait_for_lines(journal, 3, lambda: running.poll() is None or pytest.fail(finish(running)))
    kill_all(running)
    assert not output.exists()
    said = finish(start(rows, output, 2, engine="ray"))
    assert "rows are done already; going on" in said
    assert output.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "a.csv.chunks").exists()


def test_a_node_that_is_lost_costs_no_rows(tmp_path, monkeypatch):
    from ray.cluster_utils import Cluster

    monkeypatch.setattr("trainer.prediction.chunks.CHUNK", 8)
    rows, one, two = tmp_path / "rows.csv", tmp_path / "one.csv", tmp_path / "two.csv"
    write_rows(rows, 200)
    predict_files(job(rows, one, threads=1), OpenFake())
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        lost = cluster.add_node(num_cpus=1)
        on_ray = {"engine": "ray", "address": cluster.address, "workers": 2, "threads": 1}
        with ThreadPoolExecutor(1) as pool:
            given = job(rows, two, **on_ray)
            running = pool.submit(predict_files, given, OpenFake(pause=0.5))
            wait_for_lines(tmp_path / "two.csv.journal.jsonl", 4, lambda: not running.done())
            cluster.remove_node(lost, allow_graceful=False)
            assert running.result().rows == 200
        assert two.read_bytes() == one.read_bytes()
    finally:
        cluster.shutdown()

"""The command line when it is asked to stop, and when the disk is full."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.toy_runs import toy_run
from trainer.saving.checkpoints import find_checkpoint

ROOT = Path(__file__).parents[2]


def start(config, *options, largest_file=None):
    def limit():
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "run_mtl.py"), str(config), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


def wait_for_a_checkpoint(folder):
    for _ in range(1200):
        if list(folder.glob("checkpoint-*")):
            return
        time.sleep(0.1)
    raise AssertionError("no checkpoint was written")


@pytest.mark.slow
def test_a_run_is_stopped_meets_a_full_disk_and_goes_on(tmp_path):
    config = toy_run(tmp_path, 400, 6, num_train_epochs=1, save_strategy="steps", save_steps=2)
    output = tmp_path / "out"
    running = start(config)
    wait_for_a_checkpoint(output)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 75, said[-3000:]
    step = int(re.search(r"stopped after step (\d+); go on with --resume true", said)[1])
    assert 2 < step < 100
    assert find_checkpoint(output) == output / f"checkpoint-{step}"

    size = (output / f"checkpoint-{step}" / "optimizer.pt").stat().st_size
    running = start(config, "--resume", "true", largest_file=size - 1)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 2, said[-3000:]
    assert "Traceback" not in said
    assert re.search(r"run_mtl.py: '.*/checkpoint-\d+' could not be written: ", said)
    assert "--resume true" in said
    assert find_checkpoint(output) == output / f"checkpoint-{step}"
    assert not list(output.glob(".writing-*"))

    running = start(config, "--resume", "true")
    _, said = running.communicate(timeout=240)
    assert running.returncode == 0, said[-3000:]
    assert (output / "metrics.json").is_file()


@pytest.mark.slow
def test_a_second_interrupt_ends_the_run_at_once(tmp_path):
    config = toy_run(tmp_path, 400, 6, num_train_epochs=1, save_strategy="steps", save_steps=2)
    running = start(config)
    wait_for_a_checkpoint(tmp_path / "out")
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGINT)
    time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode in (75, 130), said[-3000:]
    assert "Traceback" not in said
    assert find_checkpoint(tmp_path / "out") is not None


@pytest.mark.slow
def test_an_interrupt_after_the_end_changes_nothing(tmp_path):
    config = toy_run(tmp_path, 400, 6, num_train_epochs=1, save_strategy="steps", save_steps=2)
    running = start(config)
    wait_for_a_checkpoint(tmp_path / "out")
    running.send_signal(signal.SIGTERM)
    while "stopped after step" not in (line := running.stderr.readline()):
        assert line, "ended without a word"
    for _ in range(20):
        time.sleep(0.02)
        running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 75, said[-3000:]


def launch(script, processes, folder, *options):
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return subprocess.run(
        [sys.executable, *torchrun, str(Path(__file__).with_name(script)), str(folder), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("place", "batches"), [("step", 1), ("evaluation", 3)])
def test_all_processes_stop_when_one_is_asked(tmp_path, place, batches):
    done = launch("stop_one_rank.py", 2, tmp_path, place)
    assert done.returncode == 0, done.stderr[-3000:]
    told = [(tmp_path / f"rank-{rank}.txt").read_text() for rank in (0, 1)]
    assert told == [f"5 {batches}"] * 2
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint-5"


@pytest.mark.slow
def test_one_process_that_is_killed_ends_the_others(tmp_path):
    done = launch("kill_one_rank.py", 3, tmp_path)
    assert time.time() - (tmp_path / "killed").stat().st_mtime < 60
    assert done.returncode != 0
    assert "Signal 9 (SIGKILL)" in done.stderr and "rank      : 2" in done.stderr
    assert find_checkpoint(tmp_path) == tmp_path / "checkpoint-4"


@pytest.mark.slow
def test_a_loss_that_is_not_finite_in_one_process_stops_all_and_is_named(tmp_path):
    done = launch("spoil_one_rank.py", 2, tmp_path, "stop")
    assert done.returncode != 0
    assert "the loss of task 'near' is inf because of 1 of its 4 rows" in done.stderr
    assert "a gradient is not finite here or in another process" in done.stderr
    assert not list(tmp_path.glob("rank-*.json"))


@pytest.mark.slow
def test_processes_leave_out_the_same_step(tmp_path):
    done = launch("spoil_one_rank.py", 2, tmp_path, "skip")
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1)]
    assert found[0] == found[1]
    assert found[0]["skipped"] == 1 < found[0]["steps"]
    assert found[0]["text"] in done.stderr

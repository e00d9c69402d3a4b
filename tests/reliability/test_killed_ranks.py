"""Two processes that are killed together, wherever they are, go on to the same weights."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.processes import finish, kill_all
from tests.toy_runs import toy_run

ROOT = Path(__file__).parents[2]
KILLS = 2
WAYS = {
    "plain": {},
    "conflicts": {"optimizer_layout": "overlapping", "aggregator": "gradvac", "ema_decay": 0.9},
    "drawn": {
        "step_every": "batch",
        "task_sampling": "annealed",
        "length_window": 3,
        "smart_weight": 1.0,
    },
}


def start(config, output, *options):
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    script = str(ROOT / "scripts" / "run_mtl.py")
    return subprocess.Popen(
        [sys.executable, *launch, script, str(config), "--output_dir", str(output), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_its_configuration(running, output):
    """The seconds until the run's first trace."""
    began = time.monotonic()
    while not (output / "run_config.yaml").exists():
        assert running.poll() is None, running.communicate()[1][-3000:]
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_killed_ranks_go_on_to_the_same_weights(tmp_path, way):
    options = {"num_train_epochs": 3, "save_steps": 1, "save_strategy": "steps", "seed": 5}
    config = toy_run(tmp_path, 14, 6, ddp_backend="gloo", **options, **WAYS[way])
    whole = tmp_path / "whole"
    running = start(config, whole)
    wait_for_its_configuration(running, whole)
    began = time.monotonic()
    finish(running)
    seconds = time.monotonic() - began
    expected = load_file(whole / "model.safetensors")

    draw = random.Random(way)
    kills = 0
    while kills < KILLS:
        output = tmp_path / f"killed-{kills}"
        running = start(config, output)
        wait_for_its_configuration(running, output)
        time.sleep(draw.uniform(0, 0.8 * seconds))
        kill_all(running)
        if (output / "README.md").exists():  # the last of a run's files: it was faster than before
            seconds *= 0.8
            shutil.rmtree(output)
            continue
        kills += 1
        finish(start(config, output, "--resume", "true"))
        found = load_file(output / "model.safetensors")
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].equal(value), f"{name} after kill {kills}"
        assert not list(output.glob(".writing-*"))

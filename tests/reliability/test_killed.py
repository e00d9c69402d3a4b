"""A run that is killed, wherever it is, goes on to the weights that it would have had."""

import contextlib
import multiprocessing
import os
import random
import signal
import time

import pytest
from safetensors.torch import load_file

from tests.reliability.killed_run import run
from tests.toy_runs import toy_run

KILLS = 30
WAYS = {
    "plain": {},
    "conflicts": {"optimizer_layout": "per_task", "ema_decay": 0.9},
    "joined": {"aggregator": "gradvac", "loss_weights": "uncertainty"},
    "smooth": {"smart_weight": 1.0, "bregman_weight": 1.0, "rdrop_weight": 0.5},
    "drawn": {
        "step_every": "batch",
        "task_sampling": "annealed",
        "optimizer_layout": "overlapping",
        "length_window": 3,
    },
    "phases": {
        "phases": [
            {"name": "words", "objective": "masked_language_modeling", "max_steps": 4},
            {"name": "together"},
            {"name": "apart", "trainable": "adapters", "tasks": ["sentiment"]},
        ]
    },
}


@pytest.fixture(scope="module")
def processes():
    # Imports once, and every run starts from there.
    context = multiprocessing.get_context("forkserver")
    modules = ["trainer.runs.train", "trainer.config.parser", "torch._dynamo"]
    context.set_forkserver_preload([*modules, "tests.toy_runs", "matplotlib.image"])
    return context


def files_of(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def start(processes, config, output, *options, kill_before=None):
    arguments = [str(config), "--output_dir", str(output), *options]
    process = processes.Process(target=run, args=(arguments, f"{output}.log", kill_before))
    process.start()
    return process


def finish(process, output):
    process.join(240)
    assert process.exitcode == 0, (output.parent / f"{output.name}.log").read_text()[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path, processes, way):
    options = {"num_train_epochs": 2, "save_steps": 1, "save_strategy": "steps", "seed": 5}
    config = toy_run(tmp_path, 14, 6, **options, **WAYS[way])
    whole, output = tmp_path / "whole", tmp_path / "killed"
    finish(start(processes, config, whole), whole)
    began = time.monotonic()
    again = tmp_path / "again"
    finish(start(processes, config, again), again)  # nothing is imported or cached any more
    seconds = time.monotonic() - began
    expected = load_file(whole / "model.safetensors")

    draw, kills, rounds = random.Random(way), 0, 0
    while kills < KILLS / len(WAYS):
        rounds += 1
        folder = output.with_name(f"killed-{rounds}")
        resume = []
        for _ in range(2):
            process = start(processes, config, folder, *resume)
            time.sleep(draw.uniform(0, seconds))
            # It is no child of this process, so its end may not be known here yet.
            with contextlib.suppress(ProcessLookupError):
                if process.is_alive():
                    os.kill(process.pid, signal.SIGKILL)
                    kills += 1
            process.join()
            if not (folder / "run_config.yaml").exists():
                break
            resume = ["--resume", "true"]
        finish(start(processes, config, folder, *resume), folder)
        found = load_file(folder / "model.safetensors")
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].equal(value), f"{name} after kill {kills}"
        assert not list(folder.glob(".writing-*"))


@pytest.mark.slow
def test_a_run_killed_before_any_of_its_files_has_its_name_goes_on(tmp_path, processes):
    """Every third file, of which the seed of the tests chooses the first."""
    options = {"max_steps": 2, "save_steps": 1, "save_strategy": "steps", "seed": 5}
    config = toy_run(tmp_path, 14, 6, **options)
    finish(start(processes, config, tmp_path / "whole"), tmp_path / "whole")
    expected = load_file(tmp_path / "whole" / "model.safetensors")
    number = random.randrange(3)
    while True:
        output = tmp_path / f"killed-{number}"
        process = start(processes, config, output, kill_before=number)
        process.join(240)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        known = (output / "run_config.yaml").exists()
        finish(start(processes, config, output, *(["--resume", "true"] if known else [])), output)
        found = load_file(output / "model.safetensors")
        assert all(found[name].equal(value) for name, value in expected.items()), number
        assert files_of(output) == files_of(tmp_path / "whole"), number
        number += 3
    assert number > 10  # its two first files, two checkpoints, and what a finished run has

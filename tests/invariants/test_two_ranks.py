"""Several processes give the update, the losses and the metrics of one with their global batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("train_one_rank.py")


def run(folder, ranks, batch_size, options):
    folder.mkdir()
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
    done = subprocess.run(
        [sys.executable, *launch, str(SCRIPT), str(folder), str(batch_size), json.dumps(options)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    metrics = json.loads((folder / "metrics.json").read_text())
    return load_file(folder / "weights.safetensors"), metrics


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"update": "turn"},
        {"rule": "pcgrad"},
        {"layout": "overlapping", "rule": "gradvac"},
        {"layout": "per_task", "loss_weights": "uncertainty", "ema_decay": 0.9},
        {"update": "turn", "plan": "square_root"},
        {"trains": "adapters"},
        {"trains": "lora", "rule": "pcgrad"},
    ],
    ids=json.dumps,
)
def test_two_ranks_equal_one(tmp_path, options):
    assert_equal(run(tmp_path / "one", 1, 4, options), run(tmp_path / "two", 2, 2, options))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"layout": "overlapping", "rule": "pcgrad"}], ids=json.dumps
)
def test_three_ranks_equal_one(tmp_path, options):
    options = {"sizes": {"mood": 27, "same": 33, "near": 24}, **options}
    assert_equal(run(tmp_path / "one", 1, 6, options), run(tmp_path / "three", 3, 2, options))


@pytest.mark.slow
def test_batches_that_do_not_divide_by_the_ranks_train_and_every_row_is_scored_once(tmp_path):
    weights, metrics = run(tmp_path / "three", 3, 2, {"num_train_epochs": 1})
    assert all(torch.isfinite(weight).all() for weight in weights.values())
    right = metrics["eval_mood_accuracy"] * 11  # of eleven rows
    assert right == pytest.approx(round(right), abs=1e-3)


def assert_equal(one, several):
    for name, weight in one[0].items():
        torch.testing.assert_close(several[0][name], weight, rtol=1e-3, atol=1e-4, msg=name)
    for key, value in one[1].items():
        if key.startswith("loss_") or key.endswith(("accuracy", "pearson", "overall")):
            assert several[1][key] == pytest.approx(value, abs=1e-3), key

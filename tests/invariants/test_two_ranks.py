"""Two processes give the update, the losses and the metrics of one with the same global batch."""

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
    one, one_metrics = run(tmp_path / "one", 1, 4, options)
    two, two_metrics = run(tmp_path / "two", 2, 2, options)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-4, msg=name)
    for key, value in one_metrics.items():
        if key.startswith("loss_") or key.endswith(("accuracy", "pearson", "overall")):
            assert two_metrics[key] == pytest.approx(value, abs=1e-3), key

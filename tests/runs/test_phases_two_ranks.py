"""Two processes train phase by phase as one does, and only the first writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.toy_runs import toy_run

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_ranks_equal_one(tmp_path):
    path = toy_run(
        tmp_path,
        16,
        8,
        backbone_dropout=0.0,
        backbone_dropout_where="encoder",
        num_train_epochs=1,
        cycles_per_epoch=4,
        save_strategy="no",
        tasks={task: {"dropout": 0.0} for task in ("sentiment", "paraphrase", "similarity")},
        phases=[{"aggregator": "pcgrad"}, {"tasks": ["sentiment"]}],
    )
    weights = {}
    for ranks in (1, 2):
        out = tmp_path / f"out{ranks}"
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
        script = [str(ROOT / "scripts" / "run_mtl.py"), str(path)]
        size = ["--per_device_train_batch_size", str(4 // ranks)]
        done = subprocess.run(
            [sys.executable, *launch, *script, *size, "--output_dir", str(out)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        weights[ranks] = load_file(out / "model.safetensors")
    for name, weight in weights[1].items():
        torch.testing.assert_close(weights[2][name], weight, rtol=1e-3, atol=1e-4, msg=name)

"""Two processes train on one stream as one process does, and resume exactly."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.toy_runs import toy_run

ROOT = Path(__file__).parents[2]


def launch(path, ranks, out, *options):
    """Run the script in so many processes; return the weights of the model that it writes."""
    command = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
    script = [str(ROOT / "scripts" / "run_mtl.py"), str(path), "--output_dir", str(out)]
    size = ["--per_device_train_batch_size", str(4 // ranks)]
    done = subprocess.run(
        [sys.executable, *command, *script, *size, *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return load_file(out / "model.safetensors")


@pytest.mark.slow
def test_two_ranks_equal_one_and_resume_exactly(tmp_path):
    streaming = {"streaming": True, "shuffle_buffer": 8, "dropout": 0.0}
    path = toy_run(
        tmp_path,
        24,
        8,
        backbone_dropout=0.0,
        backbone_dropout_where="encoder",
        max_steps=8,
        save_steps=5,
        save_strategy="steps",
        cycles_per_epoch=10,
        tasks={task: streaming for task in ("sentiment", "paraphrase", "similarity")},
    )
    one = launch(path, 1, tmp_path / "one")
    two = launch(path, 2, tmp_path / "two")
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=1e-3, atol=1e-4, msg=name)
    shutil.rmtree(tmp_path / "two" / "checkpoint-8")
    resumed = launch(path, 2, tmp_path / "two", "--resume", "true")
    assert all(resumed[name].equal(weight) for name, weight in two.items())

"""Two processes train phase by phase as one does, and only the first writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import BertModel, set_seed

from tests.test_run import write_data
from tests.toys import toy_backbone_config, toy_tokenizer

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_ranks_equal_one(tmp_path):
    set_seed(0)
    BertModel(toy_backbone_config()).save_pretrained(tmp_path / "encoder")
    toy_tokenizer().save_pretrained(tmp_path / "encoder")
    for split, count in (("train", 16), ("validation", 8)):
        write_data(tmp_path / "data", split, count)
    config = {
        "model_name_or_path": str(tmp_path / "encoder"),
        "data_dir": str(tmp_path / "data"),
        "max_length": 32,
        "backbone_dropout": 0.0,
        "backbone_dropout_where": "encoder",
        "num_train_epochs": 1,
        "cycles_per_epoch": 4,
        "learning_rate": 1e-3,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "tasks": {task: {"dropout": 0.0} for task in ("sentiment", "paraphrase", "similarity")},
        "phases": [{"rule": "pcgrad"}, {"tasks": ["sentiment"]}],
    }
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(config))
    weights = {}
    for ranks in (1, 2):
        out = tmp_path / f"out{ranks}"
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
        script = [str(ROOT / "scripts" / "run_mtl.py"), str(tmp_path / "toy.yaml")]
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

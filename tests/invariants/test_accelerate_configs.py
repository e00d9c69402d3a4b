"""The files for `accelerate launch`, on a machine without a GPU, where gloo takes NCCL's place."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from tests.processes import finish
from tests.toy_runs import toy_run

ROOT = Path(__file__).parents[2]
FILES = ROOT / "configs" / "accelerate"
LOCAL = ["--main_process_ip", "127.0.0.1", "--num_processes", "2"]
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="would train on the GPUs")


def launch(name, config, *options):
    command = ["-m", "accelerate.commands.launch", "--config_file", str(FILES / f"{name}.yaml")]
    return subprocess.Popen(
        [sys.executable, *command, *options, str(ROOT / "scripts" / "run_mtl.py"), str(config)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hardware(folder):
    return json.loads((folder / "card_facts.json").read_text())["compute"]["hardware"]


def test_the_files_are_for_what_they_say():
    kinds = {}
    for path in sorted(FILES.glob("*.yaml")):
        config = yaml.safe_load(path.read_text())
        kinds[path.stem] = config["distributed_type"], config["num_machines"]
        assert config["mixed_precision"] == "bf16" and not config["use_cpu"]
        assert f"configs/accelerate/{path.name}" in path.read_text()
    assert kinds == {
        "one_gpu": ("NO", 1),
        "several_gpus": ("MULTI_GPU", 1),
        "several_machines": ("MULTI_GPU", 2),
    }


@pytest.mark.slow
@no_gpu
def test_one_process(tmp_path):
    config = toy_run(tmp_path, 14, 6, max_steps=2, save_strategy="no")
    said = finish(launch("one_gpu", config))
    assert "model written to" in said
    assert "processes" not in hardware(tmp_path / "out")[0]


@pytest.mark.slow
@no_gpu
def test_several_processes(tmp_path):
    config = toy_run(tmp_path, 14, 6, max_steps=2, save_strategy="no")
    said = finish(launch("several_gpus", config))
    assert said.count("model written to") == 1
    assert "in 2 processes" in hardware(tmp_path / "out")[0]


@pytest.mark.slow
@no_gpu
def test_several_machines(tmp_path):
    config = toy_run(tmp_path, 14, 6, max_steps=2, save_strategy="no")
    port = ["--main_process_port", "29517"]
    ranks = [
        launch("several_machines", config, *LOCAL, *port, "--machine_rank", str(rank))
        for rank in (0, 1)
    ]
    said = [finish(running) for running in ranks]
    assert [text.count("model written to") for text in said] == [1, 0]
    assert "in 2 processes" in hardware(tmp_path / "out")[0]

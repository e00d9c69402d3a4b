"""Wrong input ends `run_mtl.py` with status 2 and one message, before any training starts."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import datasets
import huggingface_hub
import pytest
import yaml

from tests.toys import toy_backbone_config, toy_tokenizer
from trainer.runs import train as run

SCRIPT = Path(__file__).parents[2] / "scripts" / "run_mtl.py"


@pytest.fixture
def main(monkeypatch, tmp_path):
    """The script's main function, which must not come as far as making a trainer."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(sys, "path", list(sys.path))
    specification = importlib.util.spec_from_file_location("run_mtl", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(run, "HybridMTLTrainer", lambda *a, **k: pytest.fail("training started"))
    return module.main


@pytest.fixture
def config(tmp_path):
    """Options of a run that is right but for what a test makes wrong."""
    toy_backbone_config().save_pretrained(tmp_path / "encoder")
    toy_tokenizer().save_pretrained(tmp_path / "encoder")
    data = tmp_path / "data" / "sst5"
    data.mkdir(parents=True)
    for split in ("train", "validation"):
        (data / f"{split}.csv").write_text("text,label\nw1 w2,0\nw3,4\n")
    return {
        "model_name_or_path": str(tmp_path / "encoder"),
        "data_dir": str(tmp_path / "data"),
        "output_dir": str(tmp_path / "out"),
        "max_length": 32,
        "use_cpu": True,
        "report_to": "none",
        "tasks": {"sentiment": None},
    }


def break_rows(config, text):
    Path(config["data_dir"], "sst5", "train.csv").write_text(text)


def hold_metrics(config):
    Path(config["output_dir"]).mkdir()
    Path(config["output_dir"], "metrics.json").write_text("{}")


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda c: c.update(learning_rat=1),
            "unknown option 'learning_rat'. Did you mean 'learnin",
        ),
        (
            lambda c: c.update(task_order=["similarity"]),
            "task_order: must name each task once: sen",
        ),
        (
            lambda c: c.update(model_name_or_path="./no"),
            "model_name_or_path: there is no folder './",
        ),
        (lambda c: c.update(max_length=65), "max_length = 65: the backbone"),
        (lambda c: c.update(data_dir="./no"), "data_dir: there is no folder 'no'"),
        (
            lambda c: break_rows(c, "text,label\nw1,0\nw2,5\n"),
            "sst5/train.csv, row 2: column 'labe",
        ),
        (
            lambda c: break_rows(c, "text,label\n,0\n"),
            "sst5/train.csv, row 1: column 'text' is not",
        ),
        (
            lambda c: break_rows(c, "text,gold\nw1,0\n"),
            "there is no column 'label' (found: text, g",
        ),
        (lambda c: break_rows(c, "text,label\n"), "sst5/train.csv: the file has no rows"),
        (lambda c: Path(c["data_dir"], "sst5", "train.csv").unlink(), "sst5 holds no train file"),
        (hold_metrics, "out' contains 'metrics.json', which training would replace"),
        (lambda c: c.update(resume=True), "out' contains no run to resume"),
        (lambda c: c.update(load_best_model_at_end=True), "requires the save and eval strategy"),
    ],
)
def test_bad_input_is_one_message_and_status_2(main, config, tmp_path, capsys, change, message):
    change(config)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    assert main([str(tmp_path / "config.yaml")]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("run_mtl.py: ") == 1
    assert "Traceback" not in printed
    assert not Path(config["output_dir"], "run_config.yaml").exists()


@pytest.mark.slow
def test_the_process_ends_with_one_message_for_a_bad_option():
    command = [sys.executable, str(SCRIPT), "--learning_rat", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    wanted = (
        "run_mtl.py: command line: unknown option 'learning_rat'. Did you mean 'learning_rate'?"
    )
    assert done.stderr.strip() == wanted


def test_it_says_what_to_do_when_the_hub_cannot_be_reached(
    main, config, tmp_path, capsys, monkeypatch
):
    for module in (datasets.config, huggingface_hub.constants):
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    del config["data_dir"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    assert main([str(tmp_path / "config.yaml")]) == 2
    printed = capsys.readouterr().err
    assert "cannot load 'SetFit/sst5/train' from the Hub" in printed
    assert "pass --data_dir DIR, or try the shipped sample with --data_dir sample" in printed
    assert "Traceback" not in printed

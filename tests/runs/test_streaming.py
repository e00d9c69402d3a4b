"""A run on streamed rows, stopped and resumed."""

import json
import shutil

import pytest
import yaml
from safetensors.torch import load_file

from tests.toy_runs import dots_for_figures, toy_run
from trainer.config.parser import parse
from trainer.data.readers import blocks
from trainer.errors import InputError
from trainer.runs.train import train
from trainer.training.hybrid_trainer import HybridMTLTrainer


@pytest.fixture
def configuration(tmp_path, monkeypatch):
    """A run with a streamed table, a streamed table with bad rows, and one as usual."""
    monkeypatch.setattr(blocks, "BLOCK", 5)
    path = toy_run(
        tmp_path, 24, 8, max_steps=8, save_steps=3, save_strategy="steps", cycles_per_epoch=4
    )
    options = yaml.safe_load(path.read_text())
    streaming = {"streaming": True, "shuffle_buffer": 8}
    options["tasks"] = {
        "sentiment": {**streaming, "train_rows": 24},
        "paraphrase": streaming,
        "similarity": {},
    }
    path.write_text(yaml.safe_dump(options))
    with dots_for_figures():
        yield path


def test_a_resumed_run_ends_as_the_whole_one(configuration, monkeypatch, capfd):
    out = configuration.parent / "out"
    train(parse([str(configuration)]))
    said = capfd.readouterr().out
    assert "sentiment: the training rows are streamed from" in said
    assert "(the first rows of a stream)" in said
    assert "rows dropped (empty text) of those read" in said
    facts = json.loads((out / "card_facts.json").read_text())
    assert {task["name"]: task["rows"].get("train") for task in facts["tasks"]} == {
        "sentiment": 24,  # as given
        "paraphrase": None,
        "similarity": 24,
    }
    expected = load_file(out / "model.safetensors")
    for name in ("checkpoint-6", "checkpoint-8"):
        shutil.rmtree(out / name)
    starts = []
    load = HybridMTLTrainer._load_optimizer_and_scheduler

    def record(trainer, checkpoint):
        load(trainer, checkpoint)
        starts.append({t: s.state_dict()["batch"] for t, s in trainer._streamed.items()})

    monkeypatch.setattr(HybridMTLTrainer, "_load_optimizer_and_scheduler", record)
    train(parse([str(configuration), "--resume", "true"]))
    found = load_file(out / "model.safetensors")
    assert starts == [{"sentiment": 2, "paraphrase": 2}]  # windows of two batches
    assert all(found[name].equal(expected[name]) for name in expected)


def test_a_run_is_not_resumed_with_other_files(configuration):
    train(parse([str(configuration)]))
    with (configuration.parent / "data/sst5/train.jsonl").open("a") as file:
        file.write('{"text": "w1", "label": 1}\n')
    with pytest.raises(InputError, match="the train rows of task 'sentiment' differ"):
        train(parse([str(configuration), "--resume", "true"]))

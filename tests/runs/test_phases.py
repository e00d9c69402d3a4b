"""Training phase by phase, from files to files."""

import json

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModel

from modeling_hybrid_mtl import HybridMTLModel
from tests.toy_runs import toy_run
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.runs.phases import OBJECTIVES
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phases")
    toy_run(
        folder,
        16,
        8,
        num_train_epochs=1,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_steps=1,
        seed=5,
        phases=[
            {"name": "together", "num_train_epochs": 2},
            {"name": "sentiment", "tasks": ["sentiment"]},
        ],
    )
    return folder


@pytest.fixture(scope="module")
def trained(place):
    metrics = train(parse([str(place / "toy.yaml")]))
    return place / "out", metrics


def weights(folder):
    return load_file(folder / "model.safetensors")


def test_the_run_s_folder_holds_the_last_phase_s_model_and_all_tasks_metrics(trained):
    out, metrics = trained
    last = out / "phases" / "2-sentiment"
    assert all(torch.equal(w, weights(out)[n]) for n, w in weights(last).items())
    assert {"eval_sentiment_accuracy", "eval_paraphrase_accuracy", "eval_overall"} <= set(metrics)
    assert json.loads((out / "metrics.json").read_text()) == metrics
    assert isinstance(AutoModel.from_pretrained(out), HybridMTLModel)


def test_a_phase_of_one_task_leaves_the_other_heads_as_they_were(trained):
    out, _ = trained
    before, after = (weights(out / "phases" / name) for name in ("1-together", "2-sentiment"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("heads.sentiment.") for name in changed)
    assert any(name.startswith("backbone.") for name in changed)
    assert not any(name.startswith(("heads.paraphrase.", "heads.similarity.")) for name in changed)


def test_a_run_that_stopped_between_or_within_phases_ends_with_the_same_weights(trained, place):
    out, metrics = trained
    again = place / "again"
    options = [str(place / "toy.yaml"), "--output_dir", str(again)]

    def stop(*args):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.runs.phases._save", stop)
        with pytest.raises(KeyboardInterrupt):
            train(parse(options))
    assert not (again / "phases" / "1-together" / "phase.json").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OBJECTIVES, "tasks", Once())
        with pytest.raises(KeyboardInterrupt):
            train(parse([*options, "--resume", "true"]))
    assert (again / "phases" / "1-together" / "phase.json").exists()
    assert train(parse([*options, "--resume", "true"])) == metrics
    assert all(torch.equal(w, weights(again)[n]) for n, w in weights(out).items())
    # A finished run, resumed, does nothing and says the same.
    assert train(parse([*options, "--resume", "true"])) == metrics


class Once:
    """Trains the first phase that it is asked for, and stops at the second."""

    def __init__(self):
        self.train = OBJECTIVES["tasks"]
        self.calls = 0

    def __call__(self, *args):
        self.calls += 1
        if self.calls > 1:
            raise KeyboardInterrupt
        return self.train(*args)


def test_a_changed_phase_is_refused_on_resuming(trained, place):
    arguments = [str(place / "toy.yaml"), "--resume", "true", "--phases.sentiment.max_grad_norm"]
    with pytest.raises(InputError, match=r"phases\.2\.max_grad_norm"):
        train(parse([*arguments, "3"]))


def test_what_a_phase_shows_and_keeps_may_change_on_resuming(trained, place):
    _, metrics = trained
    arguments = [str(place / "toy.yaml"), "--resume", "true", "--phases.sentiment.save_total_limit"]
    assert train(parse([*arguments, "2"])) == metrics


def test_a_new_head_that_no_phase_trains_is_refused(place):
    config = yaml.safe_load((place / "toy.yaml").read_text())
    config |= {"output_dir": str(place / "untrained"), "phases": [{"tasks": ["sentiment"]}]}
    (place / "untrained.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(InputError, match="phases: none trains task 'paraphrase'"):
        train(parse([str(place / "untrained.yaml")]))
    assert not (place / "untrained" / "phases").exists()


def test_a_phase_that_ended_within_an_epoch_takes_no_step_more(place):
    """Its last checkpoint is there, its account is not yet."""
    out = place / "short"
    arguments = [str(place / "toy.yaml"), "--output_dir", str(out), "--max_steps", "2"]
    arguments += ["--lr_scheduler_type", "constant"]
    metrics = train(parse(arguments))
    before = weights(out)
    (out / "phases" / "2-sentiment" / "phase.json").unlink()
    assert train(parse([*arguments, "--resume", "true"])) == metrics
    assert all(torch.equal(w, weights(out)[n]) for n, w in before.items())
    assert not (out / "phases" / "2-sentiment" / "checkpoint-3").exists()


def test_adapters_are_written_merged_as_well_where_asked(place):
    config = yaml.safe_load((place / "toy.yaml").read_text())
    adapters = {"name": "apart", "tasks": ["sentiment"], "trainable": "adapters"}
    config["phases"] = [{"name": "together"}, adapters]
    config |= {"output_dir": str(place / "merged"), "merged_adapters": True}
    (place / "merged.yaml").write_text(yaml.safe_dump(config))
    train(parse([str(place / "merged.yaml")]))
    out = place / "merged"
    assert [path.name for path in (out / "merged").iterdir()] == ["sentiment"]
    one = AutoModel.from_pretrained(out / "merged" / "sentiment").eval()
    assert list(one.config.tasks) == ["sentiment"] and not one.config.adapters
    ids = torch.tensor([[2, 5, 9, 6, 3]])
    with torch.no_grad():
        expected = AutoModel.from_pretrained(out).eval()(ids, task="sentiment").logits
        plain = AutoModel.from_pretrained(out / "phases" / "1-together").eval()
        torch.testing.assert_close(one(ids, task="sentiment").logits, expected)
        assert not torch.allclose(plain(ids, task="sentiment").logits, expected)
    assert "sentiment" in (out / "README.md").read_text().partition("LoRA adapters")[2][:120]


def test_the_log_and_the_card_speak_of_all_phases(trained):
    out, _ = trained
    facts = json.loads((out / "card_facts.json").read_text())
    assert facts["run"]["steps"] == 3 * 4
    assert "together" in (out / "README.md").read_text()


def test_starting_again_needs_to_be_asked_for_and_clears_the_phases(trained, place):
    out, metrics = trained
    with pytest.raises(InputError, match="contains another run"):
        train(parse([str(place / "toy.yaml")]))
    (out / "phases" / "1-together" / "marker").write_text("old")
    options = [str(place / "toy.yaml"), "--overwrite_output_dir", "true"]
    assert train(parse(options)) == metrics
    assert not (out / "phases" / "1-together" / "marker").exists()


def test_a_first_phase_of_pretraining_changes_the_encoder_alone(place):
    out = place / "pretrained"
    config = yaml.safe_load((place / "toy.yaml").read_text())
    config["output_dir"] = str(out)
    pretraining = {
        "name": "words",
        "objective": "masked_language_modeling",
        "mask_share": 0.5,
        "num_train_epochs": 2,
    }
    config["phases"] = [pretraining, {"name": "together"}]
    (place / "pretraining.yaml").write_text(yaml.safe_dump(config))
    metrics = train(parse([str(place / "pretraining.yaml")]))
    encoder = load_file(place / "encoder" / "model.safetensors")
    after = weights(out / "phases" / "1-words")
    words = "embeddings.word_embeddings.weight"
    assert not torch.equal(after[f"backbone.{words}"], encoder[words])
    assert not any(name.startswith(("cls.", "mlm")) for name in after)
    account = json.loads((out / "phases" / "1-words" / "phase.json").read_text())
    losses = [entry["eval_loss"] for entry in account["log_history"] if "eval_loss" in entry]
    assert len(losses) == 2 and losses[1] < losses[0]
    last = json.loads((out / "phases" / "2-together" / "phase.json").read_text())
    assert last["log_history"][-1]["step"] == 4
    # Resumed, the run is what it was.
    arguments = [str(place / "pretraining.yaml"), "--resume", "true"]
    (out / "phases" / "2-together" / "phase.json").unlink()
    assert train(parse(arguments)) == metrics

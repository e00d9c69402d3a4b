"""The three modes with tasks that only help, from files to files."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, pipeline

from tests.data.derived_labels.toy_tagger import TOY_TAGGER
from tests.toy_runs import toy_run
from tests.toys import toy_data
from trainer.config.parser import parse
from trainer.data import tagger
from trainer.errors import InputError
from trainer.loading import datasets, task_splits
from trainer.runs.evaluate import evaluate
from trainer.runs.predict import predict
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")

HELPERS = {
    "pos": {"label_generator": "part_of_speech", "auxiliary": True},
    "source": {
        "label_generator": "source",
        "auxiliary": True,
        "max_rows": 20,
        "max_validation_rows": 10,
    },
}
PAIR = {"text": "w1 w2", "text_pair": "w3 w4"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A toy encoder, toy data and a configuration with two main tasks and two that help."""
    folder = tmp_path_factory.mktemp("auxiliary")
    toy_run(
        folder,
        24,
        12,
        num_train_epochs=1,
        cycles_per_epoch=2,
        aggregator="mtrec",
        save_strategy="epoch",
        logging_steps=1,
        tasks={"sentiment": None, "similarity": None, **HELPERS},
    )
    return folder


@pytest.fixture(scope="module", autouse=True)
def toy_tags():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tagger, "find_tagger", lambda: TOY_TAGGER)
        yield


def settings(place, out, *options):
    return parse([str(place / "toy.yaml"), "--output_dir", str(out), *options])


@pytest.fixture(scope="module")
def trained(place):
    return place / "out", train(settings(place, place / "out"))


def test_metrics_tell_of_the_helpers_and_the_score_does_not(trained):
    folder, metrics = trained
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    assert {"eval_pos_accuracy", "eval_source_f1", "eval_source_loss"} <= set(metrics)
    pearson, accuracy = metrics["eval_similarity_pearson"], metrics["eval_sentiment_accuracy"]
    assert metrics["eval_overall"] == pytest.approx((accuracy + (1 + pearson) / 2) / 2)


def test_the_model_has_the_main_tasks_and_checkpoints_have_all(trained):
    folder, _ = trained
    weights = load_file(folder / "model.safetensors")
    assert not [name for name in weights if name.startswith(("heads.pos", "heads.source"))]
    assert list(json.loads((folder / "config.json").read_text())["tasks"]) == [
        "sentiment",
        "similarity",
    ]
    checkpoint = load_file(folder / "checkpoint-2" / "model.safetensors")
    assert {"heads.pos.layers.1.weight", "heads.source.layers.1.weight"} <= set(checkpoint)
    assert all(torch.equal(weights[name], checkpoint[name]) for name in weights)


def test_the_saved_model_predicts_the_main_tasks_as_the_full_one(trained):
    folder, _ = trained
    small, whole = (
        pipeline("hybrid-mtl", model=str(place), trust_remote_code=True, device="cpu")
        for place in (folder, folder / "checkpoint-2")
    )
    assert small(PAIR) == whole(PAIR)
    for task, text in (("sentiment", "w1 w2"), ("similarity", PAIR)):
        assert small(text, task=task) == whole(text, task=task)
    assert set(small("w1 w2")) == {"sentiment"}


def test_the_card_and_the_figures_name_the_helpers_as_help(trained):
    folder, _ = trained
    card = (folder / "README.md").read_text()
    assert "with 2 task heads" in card
    answers, helpers = card.split("Auxiliary tasks helped in training")
    assert "**pos**" not in answers and "source" not in answers
    assert "- **pos**: token classification, accuracy 0." in helpers
    assert "source of the texts of sentiment, similarity" in helpers
    assert "(accuracy(sentiment) + (1 + pearson(similarity)) / 2) / 2" in helpers
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "sentiment.png",
        "similarity.png",
        "learning_curves.png",
        "calibration.png",
        "gradient_cosines.png",
        "architecture.png",
    }


def test_a_model_without_the_helpers_is_measured_with_the_same_configuration(
    trained, place, tmp_path, monkeypatch
):
    folder, metrics = trained
    monkeypatch.setattr(tagger, "find_tagger", lambda: None)
    options = ["--mode", "evaluate", "--model_name_or_path", str(folder)]
    again = evaluate(settings(place, tmp_path, *options))
    assert again == pytest.approx({name: metrics[name] for name in again}, abs=1e-5)
    assert "eval_overall" in again and "eval_loss" in again and "eval_pos_loss" not in again


def test_predict_takes_the_same_configuration(trained, place, tmp_path):
    folder, _ = trained
    options = ["--mode", "predict", "--model_name_or_path", str(folder)]
    options += ["--predict_file", str(place / "data/sst5/validation.jsonl")]
    target = predict(settings(place, tmp_path, *options))
    names = {f"sentiment_{column}" for column in ("label", "index", "score")}
    assert set(json.loads(target.read_text().splitlines()[0])) == names
    with pytest.raises(InputError, match=r"no task 'pos' in this model \(sentiment, similarity\)"):
        predict(settings(place, tmp_path / "other", *options, "--predict_task", "pos"))


def test_keep_auxiliary_keeps_the_heads(place, tmp_path):
    out = tmp_path / "out"
    metrics = train(settings(place, out, "--keep_auxiliary", "true"))
    model = AutoModel.from_pretrained(out, trust_remote_code=True)
    assert set(model.heads) == {"sentiment", "similarity", "pos", "source"}
    card = (out / "README.md").read_text()
    assert "An auxiliary task: it only helped in training." in card
    assert "Auxiliary tasks have no part in it." in card and "head for them" not in card
    options = ["--mode", "evaluate", "--model_name_or_path", str(out)]
    again = evaluate(settings(place, tmp_path / "again", *options))
    assert again == pytest.approx(metrics, abs=1e-5)


def test_training_goes_on_with_new_heads_for_the_helpers(trained, place, tmp_path):
    folder, _ = trained
    options = ["--model_name_or_path", str(folder), "--max_steps", "1", "--save_strategy", "no"]
    train(settings(place, tmp_path / "out", *options))
    kept = json.loads((tmp_path / "out" / "config.json").read_text())
    assert list(kept["tasks"]) == ["sentiment", "similarity"]


def test_a_run_with_helpers_can_be_resumed(trained, place, tmp_path):
    folder, _ = trained
    options = ["--num_train_epochs", "2", "--lr_scheduler_type", "constant"]
    train(settings(place, tmp_path / "whole", *options))
    (tmp_path / "whole" / "model.safetensors").rename(tmp_path / "expected")
    for path in (tmp_path / "whole" / "checkpoint-4").iterdir():
        path.unlink()
    (tmp_path / "whole" / "checkpoint-4").rmdir()
    train(settings(place, tmp_path / "whole", *options, "--resume", "true"))
    again = (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert again == (tmp_path / "expected").read_bytes()


def test_labels_are_derived_from_the_texts_of_their_own_split(place, tmp_path):
    found = settings(place, tmp_path)
    for name in ("train", "validation"):
        marked = place / "marked" / "sst5" / f"{name}.jsonl"
        marked.parent.mkdir(parents=True, exist_ok=True)
        rows = [{"text": f"w{i} {name}", "label": i % 5} for i in range(30)]
        marked.write_text("".join(json.dumps(row) + "\n" for row in rows))
        pair = {"sentence1": f"a {name}", "sentence2": f"b {name}", "label": 1}
        marked = place / "marked" / "stsb" / f"{name}.jsonl"
        marked.parent.mkdir(parents=True, exist_ok=True)
        marked.write_text(json.dumps(pair) + "\n")
    found.run.data_dir = str(place / "marked")
    seen = {}

    def kept(name, rows, *_):
        seen[name] = rows
        return rows.add_column("truncated", [0] * len(rows))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "tokenize", kept)
        toy_data(found)
    for part in ("train", "validation"):
        words = seen[f"pos {part}"]["text"][:]
        assert len(words) == 32 and {row[-1] for row in words} == {part}
        texts = seen[f"source {part}"]["text"][:]
        assert len(texts) == (20 if part == "train" else 10)
        assert {text.split()[-1] for text in texts} == {part}
        assert {f"a {part}", f"b {part}"} <= set(texts)


def test_without_a_tagger_nothing_is_loaded(place, tmp_path, monkeypatch):
    monkeypatch.setattr(tagger, "find_tagger", lambda: None)
    monkeypatch.setattr(task_splits, "load_split", lambda *_: pytest.fail("data was loaded"))
    with pytest.raises(InputError, match="no part-of-speech tagger is installed"):
        train(settings(place, tmp_path / "out"))


def test_all_tasks_auxiliary_is_refused(place, tmp_path):
    options = [f"--tasks.{name}.auxiliary=true" for name in ("sentiment", "similarity")]
    with pytest.raises(InputError, match="auxiliary: all tasks are auxiliary"):
        settings(place, tmp_path, *options)

"""Runs with multi-label and ordinal tasks, from files to a model that answers."""

import csv
import json

import pytest
import yaml
from transformers import pipeline

from tests.toy_runs import dots_for_pictures, toy_run
from tests.toys import WORDS
from trainer.config.parser import parse
from trainer.runs.evaluate import evaluate
from trainer.runs.predict import predict
from trainer.runs.train import train

TASKS = {
    "topics": {
        "kind": "multi_label",
        "labels": ["plot", "cast", "music"],
        "label_separator": "|",
        "columns": {"label": "genres"},
        "folder": "tickets",
        "label_smoothing": 0.1,
        "thresholds": [0.01, 0.5, 0.99],
    },
    "flags": {
        "kind": "multi_label",
        "columns": {"label": ["toxic", "insult"]},
        "folder": "tickets",
    },
    "urgency": {
        "kind": "ordinal",
        "labels": ["1", "2", "3", "4", "5"],
        "columns": {"label": "urgency"},
        "folder": "tickets",
    },
    "stars": {
        "kind": "ordinal",
        "labels": ["low", "middle", "high"],
        "columns": {"label": "stars"},
        "folder": "tickets",
        "head_options": {"model": "cumulative"},
        "loss": "coral",
    },
}


def write_rows(path, count):
    with path.open("w", newline="", encoding="windows-1252") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["text", "genres", "toxic", "insult", "urgency", "stars"])
        for i in range(count):
            genres = "|".join(n for j, n in enumerate(["plot", "cast", "music"]) if i >> j & 1)
            stars = ["low", "middle", "high"][i % 3]
            text = " ".join(WORDS[(i * j) % 40] for j in range(1, 5))
            writer.writerow([text, genres or "[]", i % 2, int(i % 4 == 0), 1 + i % 5, stars])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The configuration, the model's folder and the final metrics."""
    folder = tmp_path_factory.mktemp("kinds")
    path = toy_run(folder, 1, 1, tasks=TASKS, max_steps=2, smart_weight=0.1, aggregator="pcgrad")
    (folder / "data" / "tickets").mkdir()
    for split, count in (("train", 24), ("validation", 13)):
        write_rows(folder / "data" / "tickets" / f"{split}.csv", count)
    with dots_for_pictures():
        metrics = train(parse([str(path)]))
    return path, folder / "out", metrics


def test_a_run_measures_them_and_writes_their_reports(run):
    _, folder, metrics = run
    for name in ("f1_micro", "f1_macro", "average_precision", "subset_accuracy"):
        assert 0 <= metrics[f"eval_topics_{name}"] <= 1
    for task in ("urgency", "stars"):
        assert -1 <= metrics[f"eval_{task}_quadratic_kappa"] <= 1
        assert 0 <= metrics[f"eval_{task}_mae"] <= 4
    kappas = [(1 + metrics[f"eval_{t}_quadratic_kappa"]) / 2 for t in ("urgency", "stars")]
    mains = [metrics["eval_topics_f1_micro"], metrics["eval_flags_f1_micro"], *kappas]
    assert metrics["eval_overall"] == pytest.approx(sum(mains) / 4)
    reports = json.loads((folder / "evaluation.json").read_text())
    assert set(reports["topics"]["per_class"]) == {"plot", "cast", "music"}
    assert set(reports["topics"]["intervals"]) == set(
        ("f1_micro", "f1_macro", "average_precision", "subset_accuracy")
    )
    assert len(reports["urgency"]["confusion_matrix"]) == 5
    assert set(reports["stars"]["intervals"]) == {"quadratic_kappa", "mae", "accuracy"}
    assert (folder / "figures" / "topics.png").is_file()


def test_the_card_describes_them(run):
    _, folder, _ = run
    card = (folder / "README.md").read_text()
    assert "multi label of one text. Labels: plot, cast, music" in card
    assert "| stars | mae (lower is better) |" in card
    assert '"score": 0.8}], maybe empty' in card
    assert "Figure 3: Precision, recall and F1 of the classes of topics" in card
    assert "| stars head | head_options.model | cumulative |" in card
    assert "| topics head | thresholds | 0.01, 0.5, 0.99 |" in card
    for key in ("corn", "coral", "cumulative"):
        assert f"{{{key}," in card
    assert "(1 + quadratic_kappa(urgency)) / 2" in card
    assert "For flags, topics, it predicts every label whose score reaches its threshold" in card


def test_the_folder_answers_with_its_thresholds(run):
    _, folder, _ = run
    config = json.loads((folder / "config.json").read_text())
    assert config["tasks"]["topics"]["thresholds"] == [0.01, 0.5, 0.99]
    assert config["tasks"]["flags"]["labels"] == ["toxic", "insult"]
    pipe = pipeline("hybrid-mtl", model=str(folder), trust_remote_code=True, device="cpu")
    answer = pipe("w1 w2 w3")
    assert "plot" in {entry["label"] for entry in answer["topics"]}
    assert "music" not in {entry["label"] for entry in answer["topics"]}
    assert answer["urgency"]["label"] in TASKS["urgency"]["labels"]
    every = pipe("w1 w2 w3", task="stars", top_k=None)
    assert sum(entry["score"] for entry in every) == pytest.approx(1)


def test_predictions_of_a_file_are_lists_of_labels(run, tmp_path):
    path, folder, _ = run
    options = [str(path), "--mode", "predict", "--model_name_or_path", str(folder)]
    options += ["--predict_file", str(path.parent / "data/tickets/validation.csv")]
    target = predict(parse([*options, "--output_dir", str(tmp_path), "--predict_task", "topics"]))
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(lines) == 13
    assert all("plot" in line["label"] for line in lines)
    assert all(len(line["label"]) == len(line["index"]) == len(line["score"]) for line in lines)


def test_a_trained_model_is_evaluated_with_its_own_or_given_thresholds(run, tmp_path):
    path, folder, metrics = run
    config = yaml.safe_load(path.read_text())
    again = {}
    for name, thresholds in (("own", None), ("given", [0.99, 0.99, 0.99])):
        config["tasks"]["topics"]["thresholds"] = thresholds
        (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
        options = [str(tmp_path / "run.yaml"), "--mode", "evaluate", "--model_name_or_path"]
        options += [str(folder), "--output_dir", str(tmp_path / name)]
        with dots_for_pictures():
            again[name] = evaluate(parse(options))
    assert again["own"]["eval_overall"] == pytest.approx(metrics["eval_overall"], abs=1e-6)
    assert again["own"]["eval_topics_f1_micro"] > 0 == again["given"]["eval_topics_f1_micro"]

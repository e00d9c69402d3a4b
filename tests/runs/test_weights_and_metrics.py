"""A run with weights, probabilities as labels and spans, from files to the card."""

import json

import pytest

from tests.toy_runs import dots_for_figures, toy_run
from tests.toys import WORDS
from trainer.config.parser import parse
from trainer.runs.evaluate import evaluate
from trainer.runs.train import train

TAGS = ["O", "B-X", "I-X"]
TASKS = {
    "mood": {
        "kind": "classification",
        "labels": ["bad", "good"],
        "columns": {"weight": "trust"},
        "class_weights": "balanced",
        "loss": "focal",
        "main_metric": "f1",
        "score_weight": 2,
    },
    "view": {"kind": "classification", "columns": {"label": ["low", "high"]}},
    "names": {"kind": "token_classification", "labels": TAGS, "class_weights": {"O": 0.5}},
}


def row(task, i):
    words = [WORDS[(i + j) % 40] for j in range(4)]
    if task == "mood":
        return {"text": " ".join(words), "label": int(i % 3 == 0), "trust": 1 + i % 2}
    if task == "view":
        return {"text": " ".join(words), "low": 0.25 + i % 2 / 2, "high": 0.75 - i % 2 / 2}
    return {"text": words, "label": ["O", "B-X", "I-X", "O"] if i % 2 else ["B-X", "O", "O", "O"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    path = toy_run(folder, 1, 1, tasks=TASKS, max_steps=2)
    for task in TASKS:
        for split, count in (("train", 12), ("validation", 9)):
            (folder / "data" / task).mkdir(parents=True, exist_ok=True)
            rows = [row(task, i) for i in range(count)]
            if split == "validation":
                rows = [{k: v for k, v in r.items() if k != "trust"} for r in rows]
            lines = "".join(json.dumps(r) + "\n" for r in rows)
            (folder / "data" / task / f"{split}.jsonl").write_text(lines)
    with dots_for_figures():
        return folder, path, train(parse([str(path)]))


def test_the_overall_score_has_the_configured_parts(finished):
    folder, _, metrics = finished
    parts = 2 * metrics["eval_mood_f1"] + metrics["eval_view_accuracy"]
    expected = (parts + metrics["eval_names_span_f1"]) / 4
    assert metrics["eval_overall"] == pytest.approx(expected)
    card = (folder / "out" / "README.md").read_text()
    assert r"Here: (2 \* f1(mood) + span_f1(names) + accuracy(view)) / 4." in card
    for line in ("names head | class_weights | O: 0.5 ", "mood head | focal_gamma | 2 "):
        assert line in card
    assert (
        "span_f1" in json.loads((folder / "out/evaluation.json").read_text())["names"]["intervals"]
    )


def test_the_loss_of_evaluation_is_not_weighted(finished):
    folder, path, metrics = finished
    model, target = str(folder / "out"), str(folder / "again")
    options = ["--mode", "evaluate", "--model_name_or_path", model, "--output_dir", target]
    unweighted = ["--tasks.names.class_weights", "null", "--tasks.mood.class_weights", "null"]
    again = evaluate(parse([str(path), *options, *unweighted]))
    for name in TASKS:
        assert again[f"eval_{name}_loss"] == pytest.approx(metrics[f"eval_{name}_loss"], rel=1e-5)
    assert again["eval_overall"] == pytest.approx(metrics["eval_overall"])

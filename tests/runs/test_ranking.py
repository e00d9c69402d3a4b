"""Runs with a ranking task, from pairs without labels to a model that answers."""

import json

import pytest
import yaml
from transformers import pipeline

from tests.toy_runs import dots_for_pictures, toy_run
from tests.toys import WORDS
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.runs.predict import predict
from trainer.runs.train import train

TASKS = {
    "search": {
        "kind": "ranking",
        "input": "pair",
        "columns": {"text": "question", "text_pair": "answer"},
        "folder": "pairs",
        "head_options": {"negatives": 10, "symmetric": True},
    },
    "judged": {"kind": "ranking", "input": "pair", "folder": "judged"},
    "near": {
        "kind": "similarity",
        "input": "pair",
        "folder": "near",
        "score_range": [0, 5],
        "loss": "angle",
    },
}


def text(number):
    return " ".join(WORDS[(number * j) % 40] for j in range(1, 5))


def write(folder, name, header, lines):
    (folder / name).mkdir()
    for split, part in (("train", slice(0, 24)), ("validation", slice(24, None))):
        table = [header, *lines[part]]
        (folder / name / f"{split}.tsv").write_text("\n".join("\t".join(x) for x in table))


def write_data(folder, judged="01"):
    pairs = [(text(i), text(3 * i + 1)) for i in range(36)]
    write(folder, "pairs", ("question", "answer"), pairs)
    labeled = [(*pair, judged[i % 3 > 0]) for i, pair in enumerate(pairs)]
    write(folder, "judged", ("text", "text_pair", "label"), labeled)
    scored = [(*pair, str(i % 6)) for i, pair in enumerate(pairs)]
    write(folder, "near", ("text", "text_pair", "label"), scored)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The model's folder and the final metrics."""
    folder = tmp_path_factory.mktemp("ranking")
    path = toy_run(folder, 1, 1, tasks=TASKS, max_steps=3, rdrop_weight=0.1)
    write_data(folder / "data")
    with dots_for_pictures():
        metrics = train(parse([str(path)]))
    return folder / "out", metrics


def test_a_run_measures_the_ranks_of_all_candidates(run):
    folder, metrics = run
    for task in ("search", "judged"):
        for name in ("mrr_at_10", "recall_at_1", "recall_at_10"):
            assert 0 <= metrics[f"eval_{task}_{name}"] <= 1
        assert metrics[f"eval_{task}_loss"] > 0
    report = json.loads((folder / "evaluation.json").read_text())
    assert report["search"]["matches"] == 12
    assert report["judged"]["matches"] == 8  # the others are candidates
    assert report["judged"]["candidates"] == report["search"]["candidates"]
    assert set(report["search"]["intervals"]) == {"mrr_at_10", "recall_at_1", "recall_at_10"}
    assert (folder / "figures" / "search.png").is_file()
    mains = [metrics[f"eval_{t}_mrr_at_10"] for t in ("search", "judged")]
    mains.append((1 + metrics["eval_near_pearson"]) / 2)
    assert metrics["eval_overall"] == pytest.approx(sum(mains) / 3)


def test_the_card_describes_it(run):
    folder, _ = run
    card = (folder / "README.md").read_text()
    assert "ranking of two texts" in card
    assert "Recall at rank k of search" in card
    assert "| search head | head_options.negatives | 10 |" in card
    for key in ("multiple_negatives", "xbm", "angle"):
        assert f"{{{key}," in card


def test_the_folder_answers_with_cosines(run):
    folder, _ = run
    pipe = pipeline("hybrid-mtl", model=str(folder), trust_remote_code=True, device="cpu")
    same = {"text": "w1 w2 w3", "text_pair": "w1 w2 w3"}
    assert pipe(same, task="search")["score"] == pytest.approx(1, abs=1e-5)
    answer = pipe({"text": "w1 w2 w3", "text_pair": "w7"}, task="search")
    assert -1 <= answer["score"] < 1


def test_labels_other_than_0_and_1_are_refused(tmp_path):
    path = toy_run(tmp_path, 1, 1, tasks={"judged": TASKS["judged"]}, max_steps=1)
    write_data(tmp_path / "data", judged="02")
    with pytest.raises(InputError, match=r"judged.train\.tsv, row 2: column 'label' has '2'"):
        train(parse([str(path)]))


def test_a_column_of_labels_that_is_named_must_be_there(tmp_path):
    task = {**TASKS["search"], "columns": {**TASKS["search"]["columns"], "label": "match"}}
    path = toy_run(tmp_path, 1, 1, tasks={"search": task}, max_steps=1)
    write_data(tmp_path / "data")
    assert yaml.safe_load(path.read_text())["tasks"]["search"]["columns"]["label"] == "match"
    with pytest.raises(InputError, match="there is no column 'match'"):
        train(parse([str(path)]))


def test_predictions_of_a_file_are_cosines(run, tmp_path):
    folder, _ = run
    options = [str(folder.parent / "toy.yaml"), "--mode", "predict", "--model_name_or_path"]
    options += [str(folder), "--predict_file", str(folder.parent / "data/judged/validation.tsv")]
    options += ["--output_dir", str(tmp_path), "--predict_task", "judged"]
    lines = predict(parse(options)).read_text().splitlines()
    assert len(lines) == 12
    assert all(-1 <= json.loads(line)["score"] <= 1 for line in lines)

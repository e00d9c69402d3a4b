"""Held-out shares, test splits and dropped rows in whole runs, from files to files."""

import json

import pytest

from tests.toy_runs import toy_run, write_data
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.runs.evaluate import evaluate
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("splits")
    toy_run(folder, 12, 5, max_steps=1, seed=5)
    write_data(folder / "data", "test", 6)
    (folder / "data" / "stsb" / "test.csv").unlink()
    return folder


@pytest.fixture(scope="module")
def trained(place):
    metrics = train(parse([str(place / "toy.yaml"), "--tasks.sentiment.validation_split", "0.25"]))
    return place / "out", metrics


def test_the_test_split_is_reported_apart(trained):
    folder, metrics = trained
    assert {"test_sentiment_accuracy", "test_paraphrase_f1", "test_sentiment_loss"} <= set(metrics)
    assert not [name for name in metrics if name.startswith("test_similarity")]
    # The test rows of one task are missing, so that there is nothing to compare eval_overall with.
    assert "test_overall" not in metrics and "eval_overall" in metrics
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    report = json.loads((folder / "test_evaluation.json").read_text())
    assert sum(map(sum, report["sentiment"]["confusion_matrix"])) == 6
    pictures = {path.name for path in (folder / "figures" / "test").iterdir()}
    assert pictures == {"sentiment.png", "paraphrase.png", "calibration.png"}


def test_the_card_tells_test_results_and_how_rows_were_divided(trained):
    folder, metrics = trained
    card = (folder / "README.md").read_text()
    _, _, section = card.partition("### Test split")
    assert f"| sentiment | accuracy | {metrics['test_sentiment_accuracy']:.4f} |" in section
    assert "figures/test/sentiment.png" in section
    assert "Validation rows of sentiment: 0.25 of the rows, drawn from the training rows" in card
    assert "validation rows (100.0%) share a text with a training row" in card
    assert "Some evaluation rows share texts with training rows" in card


def test_dropped_rows_are_listed_in_a_file(trained, place):
    lines = (trained[0] / "dropped_rows.csv").read_text().splitlines()
    file = place / "data" / "qqp" / "train.csv"
    assert lines == ["task,file,row,reason", f"paraphrase,{file},13,empty text"]


def test_a_summary_of_the_rows_comes_before_training(place, capsys):
    train(parse([str(place / "toy.yaml"), "--output_dir", str(place / "said")]))
    said = capsys.readouterr().out
    assert "rows, their lengths in tokens, and the share of rows with truncated texts" in said
    assert "paraphrase          test                6" in said


def test_a_trained_model_is_measured_on_the_test_split(trained, place):
    folder, metrics = trained
    options = ["--mode", "evaluate", "--model_name_or_path", str(folder), "--eval_split", "test"]
    found = evaluate(parse([str(place / "toy.yaml"), *options, "--output_dir", f"{folder}-test"]))
    assert found["test_sentiment_accuracy"] == metrics["test_sentiment_accuracy"]
    assert not [name for name in found if name.startswith("eval_")]


def test_other_rows_than_those_held_out_in_training_are_warned_of(trained, place, capsys):
    folder, metrics = trained
    options = ["--mode", "evaluate", "--model_name_or_path", str(folder)]
    options += ["--tasks.sentiment.validation_split", "0.25", "--output_dir", f"{folder}-again"]
    found = evaluate(parse([str(place / "toy.yaml"), *options]))
    assert found["eval_sentiment_accuracy"] == metrics["eval_sentiment_accuracy"]
    assert "warning: task 'sentiment': the validation rows" not in capsys.readouterr().out
    options += ["--data_seed", "6", "--overwrite_output_dir", "true"]
    evaluate(parse([str(place / "toy.yaml"), *options]))
    said = capsys.readouterr().out
    assert f"the validation rows are not those that '{folder}/run_rows.json' records" in said
    assert "warning: task 'paraphrase': the validation rows are not" not in said


def test_without_test_rows_there_is_nothing_to_measure(trained, place):
    config = place / "near.yaml"
    config.write_text((place / "toy.yaml").read_text() + "tasks: {similarity: {}}\n")
    alone = place / "alone"
    train(parse([str(config), "--output_dir", str(alone)]))
    assert not (alone / "test_evaluation.json").exists()
    options = ["--mode", "evaluate", "--model_name_or_path", str(alone), "--eval_split", "test"]
    with pytest.raises(InputError, match="no task has labeled test rows"):
        evaluate(parse([str(config), *options, "--output_dir", str(place / "none")]))

"""Evaluating a trained model."""

import shutil

import pytest

from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.loading.new_model import load_config, starting_model
from trainer.runs.evaluate import evaluate
from trainer.runs.predict import predict
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")


def test_evaluate_repeats_the_trained_models_metrics(toy_trained, toy_place, tmp_path):
    folder, metrics = toy_trained
    options = ["--mode", "evaluate", "--model_name_or_path", str(folder)]
    again = evaluate(parse([str(toy_place / "toy.yaml"), *options, "--output_dir", str(tmp_path)]))
    assert again == pytest.approx(metrics, abs=1e-5)
    assert (tmp_path / "metrics.json").is_file() and (tmp_path / "evaluation.json").is_file()


def test_evaluate_and_predict_leave_files_that_are_there(toy_trained, toy_place):
    folder, _ = toy_trained
    (folder / "mine.csv").write_text("mine")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    options = [str(toy_place / "toy.yaml"), "--model_name_or_path", str(folder)]
    with pytest.raises(InputError, match="evaluation.json' exists already"):
        evaluate(parse([*options, "--mode", "evaluate"]))
    options += ["--mode", "predict", "--predict_output", str(folder / "mine.csv")]
    with pytest.raises(InputError, match="mine.csv' exists already"):
        predict(parse([*options, "--predict_file", str(toy_place / "data/sst5/validation.jsonl")]))
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    (folder / "mine.csv").unlink()


def test_damaged_weights_are_named(toy_trained, toy_place, tmp_path):
    folder, _ = toy_trained
    shutil.copytree(folder, tmp_path / "copy")
    weights = tmp_path / "copy" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    options = ["--mode", "evaluate", "--model_name_or_path", str(tmp_path / "copy")]
    with pytest.raises(InputError, match="model_name_or_path: cannot load the weights of '"):
        evaluate(
            parse([str(toy_place / "toy.yaml"), *options, "--output_dir", str(tmp_path / "e")])
        )


def test_evaluate_refuses_a_bare_encoder(toy_place, tmp_path):
    options = ["--mode", "evaluate", "--output_dir", str(tmp_path)]
    with pytest.raises(InputError, match="needs a model that hybrid-mtl trained"):
        evaluate(parse([str(toy_place / "toy.yaml"), *options]))


def test_what_the_heads_compute_must_agree_with_a_trained_model(toy_trained, toy_place, tmp_path):
    folder, _ = toy_trained
    options = [str(toy_place / "toy.yaml"), "--model_name_or_path", str(folder)]
    options += ["--output_dir", str(tmp_path / "more")]
    with pytest.raises(InputError, match="task 'sentiment': hidden_sizes is .7. in the config"):
        evaluate(parse([*options, "--mode", "evaluate", "--tasks.sentiment.hidden_sizes", "[7]"]))
    with pytest.raises(InputError, match="pooling = 'cls': the model .* has 'mean'"):
        train(parse([*options, "--pooling", "cls"]))
    settings = parse([*options, "--backbone_dropout", "0.4", "--tasks.sentiment.dropout", "0.7"])
    model = starting_model(settings.run, settings.task_configs, load_config(settings.run))
    assert model.pooled_dropout.p == 0.4
    assert model.heads["sentiment"].layers[0].p == 0.7

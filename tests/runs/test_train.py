"""The three modes of run_mtl.py on toy data, from files to files."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertModel

import modeling_hybrid_mtl
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.loading.trained_model import open_model
from trainer.runs.evaluate import evaluate
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")

ROOT = Path(__file__).parents[2]


def test_train_writes_the_whole_folder(toy_trained):
    folder, metrics = toy_trained
    names = {path.name for path in folder.iterdir()}
    code = {path.name for path in Path(modeling_hybrid_mtl.__file__).parent.glob("*_hybrid_mtl.py")}
    assert names >= code | {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "metrics.json",
        "evaluation.json",
        "README.md",
        "run_config.yaml",
        "figures",
    }
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "sentiment.png",
        "paraphrase.png",
        "similarity.png",
        "learning_curves.png",
        "calibration.png",
        "architecture.png",
    }
    assert json.loads((folder / "metrics.json").read_text()) == metrics


def test_metrics_are_flat_and_complete(toy_trained):
    _, metrics = toy_trained
    assert {
        "eval_sentiment_accuracy",
        "eval_sentiment_loss",
        "eval_paraphrase_accuracy",
        "eval_paraphrase_f1",
        "eval_similarity_pearson",
        "eval_similarity_spearman",
        "eval_overall",
        "eval_loss",
    } <= set(metrics)
    assert all(isinstance(value, float) for value in metrics.values())


def test_evaluation_file_has_confusion_matrices_and_class_scores(toy_trained):
    folder, metrics = toy_trained
    report = json.loads((folder / "evaluation.json").read_text())
    matrix = torch.tensor(report["sentiment"]["confusion_matrix"])
    assert matrix.shape == (5, 5) and matrix.sum() == 12
    correct = matrix.diagonal().sum().item() / 12
    assert correct == pytest.approx(metrics["eval_sentiment_accuracy"])
    assert set(report["paraphrase"]["per_class"]) == {"not paraphrase", "paraphrase"}
    assert report["similarity"]["mse"] >= 0


def test_card_has_the_numbers_and_no_path(toy_trained, toy_place):
    folder, metrics = toy_trained
    card = (folder / "README.md").read_text()
    assert f"{metrics['eval_overall']:.3f}"[:4] in card
    assert str(toy_place) not in card
    assert "empty text" in card
    assert str(toy_place) not in (folder / "config.json").read_text()
    assert str(toy_place) not in (folder / "tokenizer_config.json").read_text()


def test_resolved_configuration_describes_the_same_run(toy_trained):
    folder, _ = toy_trained
    again = parse([str(folder / "run_config.yaml")])
    first = yaml.safe_load((folder / "run_config.yaml").read_text())
    assert again.training.learning_rate == 1e-3
    assert again.tasks["paraphrase"].source.columns["text"] == "question1"
    assert again.resolved["tasks"] == first["tasks"]


def test_a_folder_that_holds_a_run_is_not_overwritten(toy_trained, toy_place):
    with pytest.raises(InputError, match="contains another run"):
        train(parse([str(toy_place / "toy.yaml")]))


def test_wrong_input_leaves_the_run_that_was_to_be_overwritten(toy_trained, toy_place):
    folder, _ = toy_trained
    before = (folder / "model.safetensors").read_bytes()
    options = ["--overwrite_output_dir", "true", "--data_dir", str(toy_place / "nowhere")]
    with pytest.raises(InputError, match="there is no folder"):
        train(parse([str(toy_place / "toy.yaml"), *options]))
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_diverged_run_says_so(toy_place, tmp_path):
    options = [str(toy_place / "toy.yaml"), "--output_dir", str(tmp_path / "out")]
    options += ["--learning_rate", "1e30", "--max_grad_norm", "0", "--eval_on_start", "false"]
    options += ["--nan_policy", "ignore"]
    with pytest.raises(
        InputError, match="predictions are not finite numbers: the training diverged"
    ):
        train(parse(options))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_model_is_saved_and_measured_in_the_precision_that_is_asked(toy_place, tmp_path, dtype):
    encoder = BertModel.from_pretrained(toy_place / "encoder", dtype=torch.bfloat16)
    shutil.copytree(toy_place / "encoder", tmp_path / "encoder")
    encoder.save_pretrained(tmp_path / "encoder")
    options = [str(toy_place / "toy.yaml"), "--max_steps", "1", "--eval_on_start", "false"]
    options += ["--eval_strategy", "no", "--save_strategy", "no", "--load_best_model_at_end"]
    options += ["false", "--bf16", "true", "--model_name_or_path"]
    out = ["--output_dir", str(tmp_path / "out"), "--save_dtype", dtype]
    metrics = train(parse([*options, str(tmp_path / "encoder"), *out]))
    saved = load_file(tmp_path / "out" / "model.safetensors")
    assert {weight.dtype for weight in saved.values()} == {getattr(torch, dtype)}
    measure = ["--mode", "evaluate", "--output_dir", str(tmp_path / "again")]
    assert evaluate(parse([*options, str(tmp_path / "out"), *measure])) == pytest.approx(metrics)


def test_cosines_of_gradients_are_drawn_and_shown_on_the_card(toy_place, tmp_path):
    options = [
        str(toy_place / "toy.yaml"),
        "--output_dir",
        str(tmp_path / "out"),
        "--aggregator",
        "pcgrad",
    ]
    train(parse([*options, "--eval_on_start", "false"]))
    picture = (tmp_path / "out" / "figures" / "gradient_cosines.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "figures/gradient_cosines.png" in card and "pcgrad" in card


def test_the_card_shows_a_schedule_of_a_tasks_own(toy_place, tmp_path):
    options = [
        str(toy_place / "toy.yaml"),
        "--output_dir",
        str(tmp_path / "out"),
        "--max_steps",
        "2",
    ]
    options += ["--optim", "adam", "--lr_scheduler_type", "cyclic"]
    train(parse([*options, "--tasks.sentiment.lr_scheduler_type", "constant"]))
    rows = [
        line for line in (tmp_path / "out" / "README.md").read_text().splitlines() if "| " in line
    ]
    schedules = [line for line in rows if "schedule" in line]
    assert len(schedules) == 2 and "cyclic" in schedules[0] and "constant" in schedules[1]
    assert any("optim" in line and "adam" in line for line in rows)


def test_a_run_goes_on_with_the_options_it_began_with_only(toy_trained, toy_place):
    folder, _ = toy_trained
    before = (folder / "run_config.yaml").read_bytes()
    with pytest.raises(InputError, match="learning_rate was 0.001 and is now 0.002"):
        train(parse([str(toy_place / "toy.yaml"), "--resume", "true", "--learning_rate", "2e-3"]))
    assert (folder / "run_config.yaml").read_bytes() == before


def test_a_run_goes_on_with_the_rows_it_began_with_only(toy_place, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(toy_place / "data", data)
    own = [
        str(toy_place / "toy.yaml"),
        "--data_dir",
        str(data),
        "--output_dir",
        str(tmp_path / "out"),
    ]
    train(parse(own))
    table = data / "stsb" / "train.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[-1] + "\n")
    with pytest.raises(InputError, match="the train rows of task 'similarity' differ"):
        train(parse([*own, "--resume", "true"]))


def test_training_goes_on_from_a_trained_model(toy_trained, toy_place, tmp_path):
    folder, _ = toy_trained
    options = ["--model_name_or_path", str(folder), "--output_dir", str(tmp_path / "more")]
    train(
        parse([str(toy_place / "toy.yaml"), *options, "--max_steps", "1", "--learning_rate", "0"])
    )
    first, second = (AutoModel.from_pretrained(f) for f in (folder, tmp_path / "more"))
    for (name, a), (_, b) in zip(first.named_parameters(), second.named_parameters(), strict=True):
        if name.startswith("backbone."):
            assert torch.equal(a, b)


def test_resumed_run_ends_with_the_same_weights(toy_trained, toy_place, tmp_path):
    folder, _ = toy_trained
    # A run that stopped after its first epoch: only the first checkpoint is left.
    whole = tmp_path / "whole"
    options = [str(toy_place / "toy.yaml"), "--output_dir", str(whole)]
    train(parse(options))
    expected = (whole / "model.safetensors").read_bytes()
    for path in whole.iterdir():
        if path.is_file() and not path.name.startswith("run_"):
            path.unlink()
    last = max(whole.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    shutil.rmtree(last)
    train(parse([*options, "--resume", "true"]))
    assert (whole / "model.safetensors").read_bytes() == expected


@pytest.mark.slow
def test_script_runs_in_a_process_of_its_own(toy_place, tmp_path):
    command = [sys.executable, str(ROOT / "scripts" / "run_mtl.py"), str(toy_place / "toy.yaml")]
    done = subprocess.run(
        [*command, "--output_dir", str(tmp_path / "out"), "--max_steps", "2"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "before" in done.stdout and re.search(r"similarity +pearson", done.stdout)
    asked = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "ask.py"), str(tmp_path / "out")],
        input="w1 w2\nw1 w2\tw3\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("w1 w2\n  sentiment  ")
    assert "\nw1 w2 | w3\n  paraphrase  " in asked.stdout and "\n  similarity  " in asked.stdout


QUICK_ADAPTERS = (
    "--trainable adapters --max_steps 2 --eval_on_start false --eval_strategy no --save_strategy "
    "no --load_best_model_at_end false"
)


def test_adapters_are_written_for_peft_too(toy_place):
    out = toy_place / "adapters"
    config = str(toy_place / "toy.yaml")
    metrics = train(parse([config, *QUICK_ADAPTERS.split(), "--output_dir", str(out)]))
    model = AutoModel.from_pretrained(out)
    encoder = BertModel.from_pretrained(toy_place / "encoder", add_pooling_layer=False)
    inputs = {"input_ids": torch.tensor([[2, 7, 9, 3]])}
    for task in ("sentiment", "similarity"):
        theirs = PeftModel.from_pretrained(encoder, out / "adapters" / task)
        pair = {f"pair_{k}": v for k, v in inputs.items()} if task == "similarity" else {}
        ours = model(**inputs, **pair, task=task).last_hidden_state[:1]
        torch.testing.assert_close(theirs(**inputs).last_hidden_state, ours, rtol=1e-5, atol=1e-5)
        encoder = theirs.unload()
    assert "trainable: adapters" in (out / "run_config.yaml").read_text()
    evaluated = ["--mode", "evaluate", "--model_name_or_path", str(out)]
    again = evaluate(parse([config, *evaluated, "--output_dir", str(toy_place / "adapters_again")]))
    assert again["eval_overall"] == pytest.approx(metrics["eval_overall"], abs=1e-6)


@pytest.mark.parametrize("damage", ["missing", "not finite"])
def test_a_model_without_all_of_its_weights_gives_no_answers(toy_trained, tmp_path, damage):
    shutil.copytree(toy_trained[0], tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if name.startswith("heads."))
    if damage == "missing":
        del weights[name]
    else:
        weights[name][0] = torch.nan
    save_file(weights, file, metadata={"format": "pt"})
    config = tmp_path / "model.yaml"
    config.write_text(yaml.safe_dump({"model_name_or_path": str(tmp_path / "model")}))
    run = parse([str(config), "--output_dir", str(tmp_path / "out")]).run
    with pytest.raises(
        InputError, match=f": 1 weights of this trained model are {damage}, first '{name}'"
    ):
        open_model(run.model_name_or_path)


ARCHITECTURE = (
    "--shared_hidden_sizes 8 --tasks.sentiment.normalization batch --tasks.sentiment.hidden_sizes "
    "[6] --tasks.paraphrase.pooling attention --tasks.paraphrase.attention_heads 2 "
    "--tasks.paraphrase.normalization layer"
)


def test_shared_layers_normalization_and_attention_pooling_are_trained_and_evaluated(toy_place):
    out = toy_place / "varied"
    options = [str(toy_place / "toy.yaml"), *ARCHITECTURE.split()]
    metrics = train(parse([*options, "--ema_decay", "0.9", "--output_dir", str(out)]))
    card = (out / "README.md").read_text()
    assert "| shared layers | 8 units | 136 |" in card
    assert "| sentiment head | normalization | batch |" in card
    evaluated = ["--mode", "evaluate", "--model_name_or_path", str(out)]
    again = evaluate(parse([*options, *evaluated, "--output_dir", str(toy_place / "varied_again")]))
    assert again["eval_overall"] == pytest.approx(metrics["eval_overall"], abs=1e-6)


@pytest.mark.parametrize("in_phase", [False, True])
def test_nothing_is_written_if_lora_targets_are_no_layers(toy_place, tmp_path, in_phase):
    options = yaml.safe_load((toy_place / "toy.yaml").read_text())
    wrong = {"trainable": "lora", "lora_targets": ["nope"]}
    options |= {"output_dir": str(tmp_path / "out")}
    options |= {"phases": [{"name": "first"}, {"name": "last", **wrong}]} if in_phase else wrong
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(options))
    with pytest.raises(InputError, match="lora_targets: .*'nope' matches no layer"):
        train(parse([str(tmp_path / "run.yaml")]))
    assert not list((tmp_path / "out").glob("*"))  # the folder itself is made by `Trainer`

"""The three modes of run_mtl.py on toy data, from files to files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertModel, pipeline

from tests.toy_runs import toy_run
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.loading.new_model import load_config, starting_model
from trainer.loading.trained_model import open_model
from trainer.runs.evaluate import evaluate
from trainer.runs.predict import predict
from trainer.runs.train import train

pytestmark = pytest.mark.usefixtures("quick_pictures")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A toy encoder, toy data in the default tasks' columns, and a configuration file."""
    folder = tmp_path_factory.mktemp("run")
    toy_run(
        folder,
        24,
        12,
        num_train_epochs=2,
        eval_on_start=True,
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        logging_steps=2,
        seed=5,
    )
    return folder


@pytest.fixture(scope="module")
def trained(place):
    metrics = train(parse([str(place / "toy.yaml")]))
    return place / "out", metrics


def test_train_writes_the_whole_folder(trained):
    folder, metrics = trained
    names = {path.name for path in folder.iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "modeling_hybrid_mtl.py",
        "configuration_hybrid_mtl.py",
        "attention_hybrid_mtl.py",
        "dropout_hybrid_mtl.py",
        "heads_hybrid_mtl.py",
        "unpadding_hybrid_mtl.py",
        "pipeline_hybrid_mtl.py",
        "onednn_hybrid_mtl.py",
        "texts_hybrid_mtl.py",
        "weights_hybrid_mtl.py",
        "metrics.json",
        "evaluation.json",
        "README.md",
        "run_config.yaml",
        "figures",
    } <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "sentiment.png",
        "paraphrase.png",
        "similarity.png",
        "learning_curves.png",
        "architecture.png",
    }
    assert json.loads((folder / "metrics.json").read_text()) == metrics


def test_metrics_are_flat_and_complete(trained):
    _, metrics = trained
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


def test_evaluation_file_has_confusion_matrices_and_class_scores(trained):
    folder, metrics = trained
    report = json.loads((folder / "evaluation.json").read_text())
    matrix = torch.tensor(report["sentiment"]["confusion_matrix"])
    assert matrix.shape == (5, 5) and matrix.sum() == 12
    correct = matrix.diagonal().sum().item() / 12
    assert correct == pytest.approx(metrics["eval_sentiment_accuracy"])
    assert set(report["paraphrase"]["per_class"]) == {"not paraphrase", "paraphrase"}
    assert report["similarity"]["mse"] >= 0


def test_card_tells_the_numbers_and_no_path(trained, place):
    folder, metrics = trained
    card = (folder / "README.md").read_text()
    assert f"{metrics['eval_overall']:.3f}"[:4] in card
    assert str(place) not in card
    assert "empty text" in card
    assert str(place) not in (folder / "config.json").read_text()
    assert str(place) not in (folder / "tokenizer_config.json").read_text()


def test_resolved_configuration_describes_the_same_run(trained):
    folder, _ = trained
    again = parse([str(folder / "run_config.yaml")])
    first = yaml.safe_load((folder / "run_config.yaml").read_text())
    assert again.training.learning_rate == 1e-3
    assert again.tasks["paraphrase"].source.columns["text"] == "question1"
    assert again.resolved["tasks"] == first["tasks"]


def test_a_folder_that_holds_a_run_is_not_overwritten(trained, place):
    with pytest.raises(InputError, match="contains another run"):
        train(parse([str(place / "toy.yaml")]))


def test_wrong_input_leaves_the_run_that_was_to_be_overwritten(trained, place):
    folder, _ = trained
    before = (folder / "model.safetensors").read_bytes()
    options = ["--overwrite_output_dir", "true", "--data_dir", str(place / "nowhere")]
    with pytest.raises(InputError, match="there is no folder"):
        train(parse([str(place / "toy.yaml"), *options]))
    assert (folder / "model.safetensors").read_bytes() == before


def test_evaluate_repeats_the_trained_models_metrics(trained, place, tmp_path):
    folder, metrics = trained
    options = ["--mode", "evaluate", "--model_name_or_path", str(folder)]
    again = evaluate(parse([str(place / "toy.yaml"), *options, "--output_dir", str(tmp_path)]))
    assert again == pytest.approx(metrics, abs=1e-5)
    assert (tmp_path / "metrics.json").is_file() and (tmp_path / "evaluation.json").is_file()


def test_evaluate_and_predict_leave_files_that_are_there(trained, place):
    folder, _ = trained
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    options = [str(place / "toy.yaml"), "--model_name_or_path", str(folder)]
    with pytest.raises(InputError, match="evaluation.json' exists already"):
        evaluate(parse([*options, "--mode", "evaluate"]))
    options += ["--mode", "predict", "--predict_output", str(folder / "metrics.json")]
    with pytest.raises(InputError, match="metrics.json' exists already"):
        predict(parse([*options, "--predict_file", str(place / "data/sst5/validation.jsonl")]))
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_predict_reads_the_columns_of_the_task_that_is_asked(trained, place, tmp_path):
    folder, _ = trained
    options = [str(place / "toy.yaml"), "--model_name_or_path", str(folder), "--mode", "predict"]
    options += ["--predict_file", str(place / "data/qqp/validation.csv")]
    target = predict(
        parse([*options, "--predict_task", "paraphrase", "--output_dir", str(tmp_path)])
    )
    answers = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(answers) == 12 and {a["label"] for a in answers} <= {"paraphrase", "not paraphrase"}
    with pytest.raises(InputError, match="no column 'text' .found: question1, question2, label"):
        predict(parse([*options, "--output_dir", str(tmp_path / "other")]))
    with pytest.raises(InputError, match="no column 'text' or 'sentence1'"):
        options += ["--predict_task", "similarity", "--output_dir", str(tmp_path / "other")]
        predict(parse(options))


def test_a_diverged_run_says_so(place, tmp_path):
    options = [str(place / "toy.yaml"), "--output_dir", str(tmp_path / "out")]
    options += ["--learning_rate", "1e30", "--max_grad_norm", "0", "--eval_on_start", "false"]
    options += ["--nan_policy", "ignore"]
    with pytest.raises(
        InputError, match="predictions are not finite numbers: the training diverged"
    ):
        train(parse(options))


def test_damaged_weights_are_named(trained, place, tmp_path):
    folder, _ = trained
    shutil.copytree(folder, tmp_path / "copy")
    weights = tmp_path / "copy" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    options = ["--mode", "evaluate", "--model_name_or_path", str(tmp_path / "copy")]
    with pytest.raises(InputError, match="model_name_or_path: cannot load the weights of '"):
        evaluate(parse([str(place / "toy.yaml"), *options, "--output_dir", str(tmp_path / "e")]))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_model_is_saved_and_measured_in_the_precision_that_is_asked(place, tmp_path, dtype):
    encoder = BertModel.from_pretrained(place / "encoder", dtype=torch.bfloat16)
    shutil.copytree(place / "encoder", tmp_path / "encoder")
    encoder.save_pretrained(tmp_path / "encoder")
    options = [str(place / "toy.yaml"), "--max_steps", "1", "--eval_on_start", "false"]
    options += ["--eval_strategy", "no", "--save_strategy", "no", "--load_best_model_at_end"]
    options += ["false", "--bf16", "true", "--model_name_or_path"]
    out = ["--output_dir", str(tmp_path / "out"), "--save_dtype", dtype]
    metrics = train(parse([*options, str(tmp_path / "encoder"), *out]))
    saved = load_file(tmp_path / "out" / "model.safetensors")
    assert {weight.dtype for weight in saved.values()} == {getattr(torch, dtype)}
    measure = ["--mode", "evaluate", "--output_dir", str(tmp_path / "again")]
    assert evaluate(parse([*options, str(tmp_path / "out"), *measure])) == pytest.approx(metrics)


def test_cosines_of_gradients_are_drawn_and_shown_on_the_card(place, tmp_path):
    options = [
        str(place / "toy.yaml"),
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


def test_the_card_shows_a_schedule_of_a_tasks_own(place, tmp_path):
    options = [str(place / "toy.yaml"), "--output_dir", str(tmp_path / "out"), "--max_steps", "2"]
    options += ["--optim", "adam", "--lr_scheduler_type", "cyclic"]
    train(parse([*options, "--tasks.sentiment.lr_scheduler_type", "constant"]))
    rows = [
        line for line in (tmp_path / "out" / "README.md").read_text().splitlines() if "| " in line
    ]
    schedules = [line for line in rows if "schedule" in line]
    assert len(schedules) == 2 and "cyclic" in schedules[0] and "constant" in schedules[1]
    assert any("optim" in line and "adam" in line for line in rows)


def test_a_run_goes_on_with_the_options_it_began_with_only(trained, place):
    folder, _ = trained
    before = (folder / "run_config.yaml").read_bytes()
    with pytest.raises(InputError, match="learning_rate was 0.001 and is now 0.002"):
        train(parse([str(place / "toy.yaml"), "--resume", "true", "--learning_rate", "2e-3"]))
    assert (folder / "run_config.yaml").read_bytes() == before


def test_a_run_goes_on_with_the_rows_it_began_with_only(place, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(place / "data", data)
    own = [str(place / "toy.yaml"), "--data_dir", str(data), "--output_dir", str(tmp_path / "out")]
    train(parse(own))
    table = data / "stsb" / "train.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[-1] + "\n")
    with pytest.raises(InputError, match="the train rows of task 'similarity' differ"):
        train(parse([*own, "--resume", "true"]))


def test_evaluate_refuses_a_bare_encoder(place, tmp_path):
    options = ["--mode", "evaluate", "--output_dir", str(tmp_path)]
    with pytest.raises(InputError, match="needs a model that run_mtl.py trained"):
        evaluate(parse([str(place / "toy.yaml"), *options]))


def test_predict_answers_every_row_in_order(trained, tmp_path, capsys):
    folder, _ = trained
    rows = tmp_path / "rows.csv"
    rows.write_text("text,text_pair\nw1 w2,w3\nw4,w5 w6 w7 w8\nw9 w9,w9\n")
    target = tmp_path / "answers.jsonl"
    options = ["--mode", "predict", "--model_name_or_path", str(folder)]
    options += ["--predict_file", str(rows), "--predict_output", str(target), "--use_cpu", "true"]
    predict(parse([*options, "--predict_task", "similarity"]))
    assert "tokens" not in capsys.readouterr().out
    found = [json.loads(line) for line in target.read_text().splitlines()]
    pipe = pipeline("hybrid-mtl", model=str(folder), trust_remote_code=True, device="cpu")
    pairs = [("w1 w2", "w3"), ("w4", "w5 w6 w7 w8"), ("w9 w9", "w9")]
    for answer, (a, b) in zip(found, pairs, strict=True):
        expected = pipe({"text": a, "text_pair": b}, task="similarity")
        assert answer["score"] == pytest.approx(expected["score"], abs=1e-4)
    predict(parse([*options, "--overwrite_output_dir", "true"]))
    assert set(json.loads(target.read_text().splitlines()[0])) == {"paraphrase", "similarity"}
    rows.write_text("text,text_pair\nw1 w2,w3\nw4," + "w5 " * 40 + "\n")
    predict(parse([*options, "--overwrite_output_dir", "true"]))
    assert "predict_file: 1 of 2 rows have more than 32 tokens" in capsys.readouterr().out


def test_predict_reads_a_table_as_its_task_does_from_a_home_folder(trained, tmp_path, monkeypatch):
    folder, _ = trained
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rows.csv").write_bytes("text:label\nw1 caf\xe9:0\nw2:0\n".encode("latin-1"))
    options = ["--mode", "predict", "--model_name_or_path", str(folder), "--use_cpu", "true"]
    options += ["--predict_file", "~/rows.csv", "--predict_output", "~/answers.jsonl"]
    options += ["--tasks.sentiment.separator", "':'", "--tasks.sentiment.encoding", "latin-1"]
    assert predict(parse([*options, "--predict_task", "sentiment"])) == tmp_path / "answers.jsonl"
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 2


def test_one_of_several_processes_predicts(tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text("text\nw1\n")
    options = ["--mode", "predict", "--predict_file", str(tmp_path / "rows.csv")]
    settings = parse([*options, "--output_dir", str(tmp_path / "out"), "--use_cpu", "true"])
    monkeypatch.setattr("trainer.runs.predict.read_rows", lambda *_: pytest.fail("rows were read"))
    monkeypatch.setattr(type(settings.training), "process_index", 1)
    predict(settings)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(type(settings.training), "process_index", 0)
    with pytest.raises(pytest.fail.Exception, match="rows were read"):
        predict(settings)


def test_predict_names_what_is_wrong(trained, tmp_path):
    folder, _ = trained
    options = ["--mode", "predict", "--model_name_or_path", str(folder), "--use_cpu", "true"]
    rows = tmp_path / "rows.csv"
    rows.write_text('text\nw1\n""\n')
    with pytest.raises(InputError, match="input 1: 'text' must be a non-empty text"):
        predict(parse([*options, "--predict_file", str(rows), "--predict_task", "sentiment"]))
    with pytest.raises(InputError, match="no task 'mood' in this model"):
        predict(parse([*options, "--predict_file", str(rows), "--predict_task", "mood"]))
    rows.write_text("sentence\nw1\n")
    with pytest.raises(InputError, match="no column 'text'"):
        predict(parse([*options, "--predict_file", str(rows)]))


def test_training_goes_on_from_a_trained_model(trained, place, tmp_path):
    folder, _ = trained
    options = ["--model_name_or_path", str(folder), "--output_dir", str(tmp_path / "more")]
    train(parse([str(place / "toy.yaml"), *options, "--max_steps", "1", "--learning_rate", "0"]))
    first, second = (AutoModel.from_pretrained(f) for f in (folder, tmp_path / "more"))
    for (name, a), (_, b) in zip(first.named_parameters(), second.named_parameters(), strict=True):
        if name.startswith("backbone."):
            assert torch.equal(a, b)


def test_what_the_heads_compute_must_agree_with_a_trained_model(trained, place, tmp_path):
    folder, _ = trained
    options = [str(place / "toy.yaml"), "--model_name_or_path", str(folder)]
    options += ["--output_dir", str(tmp_path / "more")]
    with pytest.raises(InputError, match="task 'sentiment': hidden_sizes is .7. in the config"):
        evaluate(parse([*options, "--mode", "evaluate", "--tasks.sentiment.hidden_sizes", "[7]"]))
    with pytest.raises(InputError, match="pooling = 'cls': the model .* has 'mean'"):
        train(parse([*options, "--pooling", "cls"]))
    settings = parse([*options, "--backbone_dropout", "0.4", "--tasks.sentiment.dropout", "0.7"])
    model = starting_model(settings.run, settings.task_configs, load_config(settings.run))
    assert model.pooled_dropout.p == 0.4
    assert model.heads["sentiment"].layers[0].p == 0.7


def test_predict_reads_a_model_of_any_tasks_without_a_configuration(place, tmp_path):
    entries = {"mood": {"kind": "classification", "labels": [f"l{i}" for i in range(5)]}}
    entries["mood"].update(dataset=str(place / "data" / "sst5"))
    config = yaml.safe_load((place / "toy.yaml").read_text())
    config.update(tasks=entries, data_dir=None, output_dir=str(tmp_path / "out"), max_steps=1)
    (tmp_path / "mood.yaml").write_text(yaml.safe_dump(config))
    train(parse([str(tmp_path / "mood.yaml")]))
    rows = place / "data" / "sst5" / "validation.jsonl"
    options = ["--mode", "predict", "--model_name_or_path", str(tmp_path / "out")]
    options += ["--predict_file", str(rows), "--output_dir", str(tmp_path), "--use_cpu", "true"]
    target = predict(parse(options))
    answers = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(answers) == 12 and set(answers[0]) == {"mood"}


def test_resumed_run_ends_with_the_same_weights(trained, place, tmp_path):
    folder, _ = trained
    # A run that stopped after its first epoch: only the first checkpoint is left.
    whole = tmp_path / "whole"
    options = [str(place / "toy.yaml"), "--output_dir", str(whole)]
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
def test_script_runs_in_a_process_of_its_own(place, tmp_path):
    command = [sys.executable, str(ROOT / "scripts" / "run_mtl.py"), str(place / "toy.yaml")]
    done = subprocess.run(
        [*command, "--output_dir", str(tmp_path / "out"), "--max_steps", "2"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "before" in done.stdout and "similarity_pearson" in done.stdout
    asked = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "ask.py"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.count("{'label'") == 2 and asked.stdout.count("{'score'") == 1


QUICK_ADAPTERS = (
    "--trainable adapters --max_steps 2 --eval_on_start false --eval_strategy no --save_strategy "
    "no --load_best_model_at_end false"
)


def test_adapters_are_written_for_peft_too(place):
    out = place / "adapters"
    config = str(place / "toy.yaml")
    metrics = train(parse([config, *QUICK_ADAPTERS.split(), "--output_dir", str(out)]))
    model = AutoModel.from_pretrained(out)
    encoder = BertModel.from_pretrained(place / "encoder", add_pooling_layer=False)
    inputs = {"input_ids": torch.tensor([[2, 7, 9, 3]])}
    for task in ("sentiment", "similarity"):
        theirs = PeftModel.from_pretrained(encoder, out / "adapters" / task)
        pair = {f"pair_{k}": v for k, v in inputs.items()} if task == "similarity" else {}
        ours = model(**inputs, **pair, task=task).last_hidden_state[:1]
        torch.testing.assert_close(theirs(**inputs).last_hidden_state, ours, rtol=1e-5, atol=1e-5)
        encoder = theirs.unload()
    assert "trainable: adapters" in (out / "run_config.yaml").read_text()
    evaluated = ["--mode", "evaluate", "--model_name_or_path", str(out)]
    again = evaluate(parse([config, *evaluated, "--output_dir", str(place / "adapters_again")]))
    assert again["eval_overall"] == pytest.approx(metrics["eval_overall"], abs=1e-6)


@pytest.mark.parametrize("damage", ["missing", "not finite"])
def test_a_model_without_all_of_its_weights_gives_no_answers(trained, tmp_path, damage):
    shutil.copytree(trained[0], tmp_path / "model")
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

"""A run on files and a database named in its configuration, and predictions for more of them."""

import gzip
import json
import sqlite3

import pytest
import yaml

from tests.toy_runs import toy_run
from tests.toys import toy_tokenizer
from trainer.config.parser import parse
from trainer.loading.datasets import prepare_data
from trainer.runs.predict import predict
from trainer.runs.train import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on shards of a table, evaluated on a query; its configuration."""
    pytest.importorskip("sqlalchemy")
    folder = tmp_path_factory.mktemp("files")
    path = toy_run(folder, 4, 4, max_steps=1, save_strategy="no", eval_strategy="no")
    for i in range(3):
        rows = "".join(f"w{i} w{j};{j}\n" for j in range(1, 5))
        (folder / f"part-{i}.csv.gz").write_bytes(gzip.compress(f"text;label\n{rows}".encode()))
    with sqlite3.connect(folder / "checks.db") as connection:
        connection.execute("CREATE TABLE checks (review, mood)")
        rows = [("w1 w2", 0), ("w3 w4", 1)]
        connection.executemany("INSERT INTO checks VALUES (?, ?)", rows)
    connection.close()
    options = yaml.safe_load(path.read_text())
    del options["data_dir"]
    options["tasks"] = {
        "sentiment": {
            "train_file": str(folder / "part-*.csv.gz"),
            "validation_file": f"sqlite:///{folder}/checks.db?query=SELECT review AS text, "
            "mood AS label FROM checks ORDER BY review",
        }
    }
    path.write_text(yaml.safe_dump(options))
    train(parse([str(path)]))
    return path


def test_the_run_records_its_files_and_the_card_names_them(trained):
    out = trained.parent / "out"
    recorded = yaml.safe_load((out / "run_config.yaml").read_text())["tasks"]["sentiment"]
    assert recorded["train_file"].endswith("part-*.csv.gz")
    facts = json.loads((out / "card_facts.json").read_text())
    assert facts["tasks"][0]["rows"] == {"train": 12, "validation": 2}
    described = "local files (part-*.csv.gz, a query of a sqlite database)"
    assert facts["tasks"][0]["dataset_description"] == described
    assert described.split("*")[1] in (out / "README.md").read_text()
    assert json.loads((out / "metrics.json").read_text())["eval_sentiment_accuracy"] >= 0


@pytest.mark.parametrize(
    "rows, count", [("part-[12].csv.gz", 8), ("sqlite:///checks.db?query=SELECT 'w1' AS text", 1)]
)
def test_predictions_are_made_for_any_location(trained, tmp_path, monkeypatch, rows, count):
    monkeypatch.chdir(trained.parent)
    options = [str(trained), "--mode", "predict", "--output_dir", str(tmp_path / "out")]
    options += ["--model_name_or_path", str(trained.parent / "out")]
    target = predict(parse([*options, "--predict_file", rows, "--predict_task", "sentiment"]))
    assert len(target.read_text().splitlines()) == count


def test_test_rows_are_prepared_like_the_others_when_they_are_asked_for(trained):
    settings = parse([str(trained), "--tasks.sentiment.test_file", f"{trained.parent}/part-0*"])
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = 32
    data = prepare_data(settings.tasks, None, tokenizer, settings.training, parts=["test"])
    assert data.test["sentiment"]["labels"][:] == [1, 2, 3, 4]
    assert not data.train and not data.validation

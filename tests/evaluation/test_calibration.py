"""Temperatures, thresholds and lowest scores, on rows whose true probabilities are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import accuracy_score, f1_score

from modeling_hybrid_mtl import TaskConfig
from trainer.evaluation.calibration import (
    calibrate,
    fit_min_score,
    fit_temperature,
    fit_thresholds,
    plain_report,
    rescale,
)
from trainer.evaluation.predictions import TaskPredictions

ROWS, CLASSES = 4000, 4
RANDOM = np.random.default_rng(3)
LOGITS = 1.5 * RANDOM.normal(size=(ROWS, CLASSES))
# Drawn from softmax(z): a model with the logits 3 z is overconfident by a temperature of 3.
LABELS = np.array([RANDOM.choice(CLASSES, p=p) for p in softmax(LOGITS, axis=1)])
TARGETS = (RANDOM.random((ROWS, CLASSES)) < expit(LOGITS - 1)).astype(int)


def task_of(kind="classification", **entry):
    return TaskConfig.from_entry("mood", {"kind": kind, "labels": list("abcd"), **entry})


def classes(scale=3.0, rows=ROWS):
    outputs = softmax(scale * LOGITS[:rows], axis=1).astype(np.float32)
    return TaskPredictions(outputs, outputs.argmax(1), LABELS[:rows], 0.5)


def multi_hot(scale=3.0):
    outputs = expit(scale * (LOGITS - 1)).astype(np.float32)
    return TaskPredictions(outputs, (outputs >= 0.5).astype(int), TARGETS, 0.5)


def tags():
    return replace(classes(), rows=np.repeat(np.arange(ROWS // 8), 8))


def test_the_temperature_minimizes_the_loss_and_is_that_of_the_model():
    def loss(temperature):
        logits = log_softmax(3 * LOGITS / temperature, axis=1)
        return -logits[np.arange(ROWS), LABELS].mean()

    found = fit_temperature(softmax(3 * LOGITS, axis=1), LABELS)
    assert loss(found) == pytest.approx(min(map(loss, np.linspace(1, 5, 401))), abs=1e-6)
    assert found == pytest.approx(3, abs=0.15)
    assert fit_temperature(softmax(LOGITS / 2, axis=1), LABELS) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("classification", classes()),
        ("ordinal", classes()),
        ("multi_label", multi_hot()),
        ("token_classification", tags()),
    ],
)
def test_calibration_lowers_the_error_on_other_rows(kind, result):
    task = task_of(kind)
    fitted_to = np.arange(ROWS) < ROWS // 2
    values = calibrate(task, result.select(fitted_to)).values
    assert values["temperature"] == pytest.approx(3, abs=0.3)
    others = result.select(~fitted_to)
    outputs = rescale(others.outputs, values["temperature"], task.output_type)
    report = plain_report(replace(task, **values), replace(others, outputs=outputs))
    assert report["ece"] < 0.03 < 0.1 < report["ece_before"]
    assert report["ece_before"] == pytest.approx(plain_report(task, others)["ece"], abs=1e-6)


def test_the_most_probable_class_and_its_accuracy_stay_as_they_are():
    found = calibrate(task_of(), classes())
    assert found.result.predictions.tolist() == classes().predictions.tolist()
    outputs = rescale(classes().outputs, found.values["temperature"], "class")
    assert (outputs.argmax(1) == classes().predictions).all()


def test_each_half_is_measured_with_the_values_of_the_other():
    result = classes(rows=60)
    found = calibrate(task_of(), result)
    in_sample = rescale(result.outputs, found.values["temperature"], "class")
    measured = plain_report(task_of(), replace(result, outputs=in_sample))["ece"]
    assert found.report["ece"] != pytest.approx(measured, abs=1e-4)
    assert found.report["ece_before"] == pytest.approx(plain_report(task_of(), result)["ece"])


def test_tokens_of_a_sentence_are_in_the_same_half(monkeypatch):
    from trainer.evaluation import calibration

    parts, real = [], calibration.fit

    def recorded(task, part, target):
        parts.append(part)
        return real(task, part, target)

    monkeypatch.setattr(calibration, "fit", recorded)
    calibrate(task_of("token_classification"), tags())
    _, first, second = (set(part.rows.tolist()) for part in parts)
    assert not first & second
    assert len(first | second) == ROWS // 8


def test_thresholds_maximize_f1_for_each_class():
    result = multi_hot()
    thresholds = fit_thresholds(result.outputs, TARGETS)
    for c, threshold in enumerate(thresholds):
        true, scores = TARGETS[:, c], result.outputs[:, c]
        tried = scores[:, None] >= np.linspace(0, 1, 201)
        best = max(2 * (tried & true[:, None]).sum(0) / (tried.sum(0) + true.sum()))  # F1
        assert f1_score(true, scores >= threshold) >= best - 1e-12
    assert fit_thresholds(result.outputs, np.zeros_like(TARGETS)) == [0.5] * CLASSES


def test_fitted_thresholds_are_measured_on_other_rows_and_improve_f1():
    result = multi_hot()
    found = calibrate(task_of("multi_label"), result)
    before = f1_score(TARGETS, result.predictions, average="macro")
    assert f1_score(TARGETS, found.result.predictions, average="macro") > before + 0.02
    outputs = rescale(result.outputs, found.values["temperature"], "labels")
    in_sample = (outputs >= np.array(found.values["thresholds"])).astype(int)
    assert (found.result.predictions != in_sample).any()
    # Other metrics are those of the same probabilities, whose order does not change.
    assert found.result.outputs is result.outputs


def test_the_lowest_score_keeps_as_many_as_reach_the_target():
    scores = np.array([0.9, 0.8, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, True, False, True, True, False])
    # Halfway to the next lower score, so that the lowest one that is kept stays so when rounded.
    assert fit_min_score(scores, right, 0.8) == pytest.approx(0.55)
    assert fit_min_score(scores, right, 0.7) == pytest.approx(0.55)  # 4 of 6 are less
    assert fit_min_score(scores, right, 0.6) == pytest.approx(0.25)
    assert fit_min_score(scores, right, 0.9) == pytest.approx(0.85)  # not 0.8, one is wrong
    assert fit_min_score(scores, ~right, 0.9) == 1.0  # none


def test_predictions_without_review_have_the_target_accuracy():
    found = calibrate(task_of(), classes(), target_accuracy=0.9)
    without_review = found.report["without_review"]
    assert without_review["accuracy"] == pytest.approx(0.9, abs=0.03)
    assert accuracy_score(LABELS, classes().predictions) < 0.75
    assert 0.1 < without_review["coverage"] < 0.6
    assert found.values["min_score"] > 0.6


def test_risk_coverage_is_the_accuracy_of_the_most_certain_rows():
    table = plain_report(task_of(), classes())["risk_coverage"]
    accuracies = [row["accuracy"] for row in table]
    assert accuracies == sorted(accuracies)
    order = np.argsort(-classes().outputs.max(1))[: ROWS // 2]
    right = classes().predictions == LABELS
    assert table[-1]["coverage"] == pytest.approx(0.5, abs=0.01)
    assert table[-1]["accuracy"] == pytest.approx(right[order].mean(), abs=0.01)
    assert table[0]["accuracy"] == pytest.approx(right.mean())


def test_given_values_are_kept():
    task = task_of("multi_label", thresholds=[0.1, 0.2, 0.3, 0.4], temperature=2.0)
    found = calibrate(task, multi_hot())
    assert found.values == {}
    expected = multi_hot().outputs >= [0.1, 0.2, 0.3, 0.4]
    assert (found.result.predictions == expected).all()
    given = task_of(min_score=0.7)
    assert set(calibrate(given, classes(), target_accuracy=0.9).values) == {"temperature"}


def test_scores_and_few_rows_are_not_calibrated():
    assert calibrate(task_of(), classes(rows=29)) is None
    score = TaskConfig.from_entry("stars", {"kind": "regression", "score_range": [0, 5]})
    assert calibrate(score, TaskPredictions(LABELS, LABELS, LABELS, 0.5)) is None


def test_certain_and_wrong_probabilities_have_a_finite_temperature():
    outputs = np.tile(np.array([1, 0, 0, 0], np.float32), (100, 1))
    found = calibrate(task_of(), TaskPredictions(outputs, outputs.argmax(1), LABELS[:100], 0.5))
    assert 0.1 <= found.values["temperature"] <= 10
    assert np.isfinite(found.report["ece"])


def test_a_temperature_that_does_not_fit_other_rows_is_left_out():
    # Calibrated already: what 20 rows suggest makes it worse.
    found = calibrate(task_of(), classes(scale=1.0, rows=40))
    assert "temperature" not in found.values
    assert found.report["ece"] == pytest.approx(found.report["ece_before"])


def test_the_coverage_is_of_the_probabilities_that_the_model_gives():
    result = classes()
    found = calibrate(task_of(), result)
    final = rescale(result.outputs, found.values["temperature"], "class").max(axis=1)
    for row in found.report["risk_coverage"]:
        kept = final >= row["min_score"]
        assert kept.mean() == pytest.approx(row["coverage"], abs=1e-3)
        assert (result.predictions == LABELS)[kept].mean() == pytest.approx(row["accuracy"])

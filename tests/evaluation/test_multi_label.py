"""Metrics, intervals, report and figure of multi-label tasks, compared with scikit-learn's."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from sklearn import metrics as sklearn_metrics

from trainer.evaluation import (
    bootstrap_task,
    compute_task_metrics,
    main_metric,
    multi_label_report,
)
from trainer.evaluation.figure_of_classes import draw_classes

RANDOM = np.random.default_rng(5)
ROWS, CLASSES = 300, 4
TRUE = (RANDOM.random((ROWS, CLASSES)) < [0.5, 0.3, 0.2, 0.05]).astype(int)
# One decimal: many probabilities are equal.
PROBABILITIES = np.clip(0.3 * TRUE + RANDOM.random((ROWS, CLASSES)) * 0.7, 0, 1).round(1)
PREDICTED = (PROBABILITIES >= 0.5).astype(int)
STATISTICS = {
    "f1_micro": lambda p, t: sklearn_metrics.f1_score(t, p >= 0.5, average="micro"),
    "f1_macro": lambda p, t: sklearn_metrics.f1_score(t, p >= 0.5, average="macro"),
    "average_precision": lambda p, t: sklearn_metrics.average_precision_score(t, p),
    "subset_accuracy": lambda p, t: sklearn_metrics.accuracy_score(t, p >= 0.5),
}


def test_metrics_are_those_of_scikit_learn():
    found = compute_task_metrics("multi_label", PREDICTED, TRUE, outputs=PROBABILITIES)
    assert list(found) == list(STATISTICS)
    for name, value in found.items():
        assert value == pytest.approx(STATISTICS[name](PROBABILITIES, TRUE)), name
    assert main_metric("multi_label") == "f1_micro"


def test_average_precision_is_of_the_classes_that_occur():
    true = TRUE * [1, 1, 0, 1]
    found = compute_task_metrics("multi_label", PREDICTED, true, outputs=PROBABILITIES)
    occur = [0, 1, 3]
    expected = sklearn_metrics.average_precision_score(true[:, occur], PROBABILITIES[:, occur])
    assert found["average_precision"] == pytest.approx(expected)
    nothing = np.zeros_like(TRUE)
    found = compute_task_metrics("multi_label", nothing, nothing, outputs=PROBABILITIES)
    assert found == {
        "f1_micro": 0.0,
        "f1_macro": 0.0,
        "average_precision": 0.0,
        "subset_accuracy": 1.0,
    }


@pytest.mark.parametrize("metric", STATISTICS)
def test_intervals_are_scipys(metric):
    drawn = bootstrap_task("multi_label", PREDICTED, TRUE, outputs=PROBABILITIES)
    rows = np.arange(ROWS)
    expected = stats.bootstrap(
        (rows,),
        lambda chosen: STATISTICS[metric](PROBABILITIES[chosen], TRUE[chosen]),
        vectorized=False,
        method="percentile",
        n_resamples=300,
        rng=1,
    ).confidence_interval
    assert drawn.intervals()[metric] == pytest.approx(list(expected), abs=0.02)
    value = STATISTICS[metric](PROBABILITIES, TRUE)
    assert drawn.values[metric].mean() == pytest.approx(value, abs=0.01)


@pytest.mark.parametrize(
    ("predicted", "true", "message"),
    [
        (PREDICTED[:3], TRUE[:2], "multi-hot rows"),
        (PREDICTED[:, 0], TRUE[:, 0], "multi-hot rows"),
        (PROBABILITIES, TRUE, "apply thresholds"),
        (PREDICTED[:0], TRUE[:0], "multi-hot rows"),
    ],
)
def test_other_arrays_are_refused(predicted, true, message):
    with pytest.raises(ValueError, match=message):
        compute_task_metrics("multi_label", predicted, true, num_labels=CLASSES, outputs=predicted)


def test_average_precision_needs_the_probabilities():
    with pytest.raises(ValueError, match="average_precision is computed from probabilities"):
        compute_task_metrics("multi_label", PREDICTED, TRUE)


def test_the_report_has_the_scores_of_each_class(tmp_path):
    names = ["plot", "cast", "$music$", "price"]
    report = multi_label_report(PREDICTED, TRUE, names)
    json.dumps(report)
    for i, name in enumerate(names):
        entry = report["per_class"][name]
        assert entry["f1"] == pytest.approx(sklearn_metrics.f1_score(TRUE[:, i], PREDICTED[:, i]))
        assert (entry["support"], entry["predicted"]) == (TRUE[:, i].sum(), PREDICTED[:, i].sum())
    assert report["classes_per_row"] == pytest.approx(TRUE.sum() / ROWS)
    draw_classes(report, "topics", tmp_path / "topics.png")
    with Image.open(tmp_path / "topics.png") as image:
        assert image.width > 500

"""Metrics of classes in an order, and of errors, for which lower is better."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score, mean_absolute_error

from modeling_hybrid_mtl import TaskConfig
from trainer.evaluation import (
    ScorePart,
    bootstrap_task,
    compute_task_metrics,
    main_metric,
    overall_score,
)
from trainer.evaluation.metrics import axis_label, formula_of, title_of_metric, zero_to_one
from trainer.evaluation.results import format_table

RANDOM = np.random.default_rng(2)
TRUE = RANDOM.integers(0, 5, 400)
PREDICTED = np.clip(TRUE + RANDOM.integers(-1, 2, 400) * RANDOM.integers(0, 3, 400), 0, 4)
STATISTICS = {
    "quadratic_kappa": lambda p, t: cohen_kappa_score(t, p, labels=range(5), weights="quadratic"),
    "mae": lambda p, t: mean_absolute_error(t, p),
    "accuracy": lambda p, t: np.mean(p == t),
}


def test_metrics_are_those_of_scikit_learn():
    found = compute_task_metrics("ordinal", PREDICTED, TRUE, num_labels=5)
    assert list(found) == list(STATISTICS)
    for name, value in found.items():
        assert value == pytest.approx(STATISTICS[name](PREDICTED, TRUE)), name
    assert main_metric("ordinal") == "quadratic_kappa"


def test_kappa_of_a_single_class_is_zero():
    same = np.ones(4, dtype=int)
    assert compute_task_metrics("ordinal", same, same)["quadratic_kappa"] == 0.0
    drawn = bootstrap_task("ordinal", same, same)
    assert drawn.intervals()["quadratic_kappa"] == [0.0, 0.0]


@pytest.mark.parametrize("metric", STATISTICS)
def test_intervals_are_scipys(metric):
    drawn = bootstrap_task("ordinal", PREDICTED, TRUE, num_labels=5)
    expected = stats.bootstrap(
        (PREDICTED, TRUE),
        STATISTICS[metric],
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=300,
        rng=1,
    ).confidence_interval
    assert drawn.intervals()[metric] == pytest.approx(list(expected), abs=0.03)
    value = STATISTICS[metric](PREDICTED, TRUE)
    assert drawn.values[metric].mean() == pytest.approx(value, abs=0.01)


def test_every_metric_is_mapped_to_one_at_its_best():
    assert zero_to_one("quadratic_kappa", -1) == 0
    assert zero_to_one("quadratic_kappa", 1) == 1
    assert zero_to_one("mae", 0) == 1
    assert zero_to_one("mae", np.array([1.0, 3.0])).tolist() == [0.5, 0.25]
    assert zero_to_one("f1_micro", 0.3) == 0.3


def test_the_overall_score_maps_kappa_as_a_correlation():
    metrics = {"eval_grade_quadratic_kappa": 0.5, "eval_mood_accuracy": 0.6}
    parts = {"grade": ScorePart.of_kind("ordinal"), "mood": ScorePart.of_kind("classification")}
    assert overall_score(metrics, parts) == pytest.approx((0.75 + 0.6) / 2)
    assert formula_of("quadratic_kappa", "grade") == "(1 + quadratic_kappa(grade)) / 2"
    assert formula_of("mae", "grade") == "1 / (1 + mae(grade))"


def test_tables_and_axes_say_that_lower_is_better():
    assert title_of_metric("mae") == "mae (lower is better)"
    assert title_of_metric("accuracy") == "accuracy"
    assert axis_label("mae") == "mae (0 is best)"
    assert axis_label("quadratic_kappa") == "quadratic kappa (-1 to 1)"
    task = TaskConfig.from_entry("grade", {"kind": "ordinal", "labels": ["a", "b", "c"]})
    names = ("quadratic_kappa", "mae", "accuracy", "loss")
    metrics = {f"eval_grade_{name}": 0.5 for name in names} | {"eval_overall": 0.5}
    lines = format_table({"grade": task}, [], metrics).splitlines()
    assert any(line.split() == ["grade_mae", "(lower", "is", "better)", "0.5000"] for line in lines)
    assert len({len(line) for line in lines}) == 1

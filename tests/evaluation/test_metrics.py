import math
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score

from trainer.evaluation.metrics import (
    METRIC_SCRIPTS,
    compute_task_metrics,
    load_metric,
    main_metric,
)
from trainer.registry import HEADS

SHIPPED = ("accuracy", "f1", "pearsonr", "spearmanr")


@pytest.fixture
def scores():
    generator = np.random.default_rng(0)
    true = np.round(generator.uniform(0, 5, 50), 1)
    return true + generator.normal(0, 1, 50), true


def test_a_class_metric_by_hand():
    # Class 1: precision 2/3, recall 2/4, so F1 = 4/7.
    found = compute_task_metrics("classification", [1, 1, 1, 0, 0], [1, 1, 0, 1, 1])
    assert found == {"accuracy": 0.4, "f1": pytest.approx(4 / 7)}
    assert all(type(value) is float for value in found.values())


def test_f1_is_macro_over_the_classes_that_occur_or_are_predicted():
    predictions, labels = np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1])
    found = compute_task_metrics("classification", predictions, labels, num_labels=4)
    # F1 of the classes: 1, 2/3, 2/3; the last neither occurs nor is predicted.
    assert found["f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert found["accuracy"] == 0.75
    predicted = compute_task_metrics("classification", [0, 1, 2, 3], labels, num_labels=5)
    assert predicted["f1"] == pytest.approx(f1_score(labels, [0, 1, 2, 3], average="macro"))


def test_two_classes_of_which_one_occurs():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compute_task_metrics("classification", [0, 0], [0, 0], num_labels=2)
    assert found == {"accuracy": 1.0, "f1": 0.0}


def test_tokens_count_as_classes():
    found = compute_task_metrics("token_classification", [0, 2, 1], [0, 2, 2], num_labels=3)
    assert found["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", ["regression", "similarity"])
def test_correlations_are_those_of_scipy(kind, scores):
    found = compute_task_metrics(kind, *scores)
    assert list(found) == ["pearson", "spearman"]
    assert found["pearson"] == pytest.approx(stats.pearsonr(*scores)[0], abs=1e-6)
    assert found["spearman"] == pytest.approx(stats.spearmanr(*scores)[0], abs=1e-6)
    assert all(type(value) is float for value in found.values())


@pytest.mark.parametrize("constant", [[2.0, 2.0, 2.0], [5]])
def test_constant_scores_correlate_with_nothing(constant):
    others = [1.0, 2.0, 4.0][: len(constant)]
    expected = {"pearson": 0.0, "spearman": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compute_task_metrics("similarity", constant, others) == expected
        assert compute_task_metrics("similarity", others, constant) == expected


def test_nearly_constant_scores_are_ranked_quietly():
    nearly = 1e6 + np.array([0.0, 0.1, 0.2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compute_task_metrics("similarity", nearly, [1.0, 2.0, 4.0])
    assert found["spearman"] == pytest.approx(1.0) and 0.9 < found["pearson"] < 1


@pytest.mark.parametrize(
    ("kind", "predictions", "labels", "advice"),
    [
        ("classification", [], [], "not empty"),
        ("classification", [1], [1, 0], "equal length"),
        ("classification", [[0.1, 0.9]], [[1, 0]], "flat"),
        ("classification", [0.1, 0.9], [0, 1], "argmax"),
        ("classification", [0, 1], [0, -100], "ignored positions"),
        ("classification", [0, 2], [0, 1], r"lie in 0\.\.1, got 0\.\.2: .*number of labels"),
        ("similarity", [], [], "not empty"),
        ("similarity", [1.0], [1.0, 2.0], "equal length"),
        ("similarity", [1.0, float("nan")], [1.0, 2.0], "predictions .* not finite"),
        ("similarity", [1.0, 2.0], [float("inf"), 2.0], "labels .* not finite"),
        ("translation", [1], [1], "no kind of task"),
    ],
)
def test_bad_input_is_refused(kind, predictions, labels, advice):
    with pytest.raises(ValueError, match=advice):
        compute_task_metrics(kind, predictions, labels, num_labels=2)


def test_the_main_metric_is_the_first():
    assert {kind: main_metric(kind) for kind in HEADS} == {
        "classification": "accuracy",
        "multi_label": "f1_micro",
        "ordinal": "quadratic_kappa",
        "token_classification": "accuracy",
        "regression": "pearson",
        "similarity": "pearson",
        "ranking": "mrr_at_10",
    }
    with pytest.raises(ValueError, match="no kind of task"):
        main_metric("summary")


def test_the_shipped_scripts_answer_as_the_libraries_do():
    pairs = {"predictions": [0, 2, 1, 0, 0, 1], "references": [0, 1, 2, 0, 1, 2]}
    true, predicted = pairs["references"], pairs["predictions"]
    weights = [0.5, 2, 0.7, 0.5, 9, 0.4]
    accuracy, f1 = load_metric("accuracy"), load_metric("f1")
    assert accuracy.compute(**pairs, normalize=False) == {"accuracy": 2.0}
    expected = accuracy_score(true, predicted, sample_weight=weights)
    assert accuracy.compute(**pairs, sample_weight=weights) == {"accuracy": expected}
    assert f1.compute(**pairs, average="micro") == {"f1": pytest.approx(1 / 3)}
    by_class = f1.compute(**pairs, average=None, labels=[2, 0])["f1"]
    assert by_class.tolist() == f1_score(true, predicted, average=None, labels=[2, 0]).tolist()
    assert f1.compute(**pairs, average=None, labels=[0]) == {"f1": pytest.approx(0.8)}


def test_the_shipped_correlations_give_the_p_value_when_asked():
    pairs = {"predictions": [10, 9, 2.5, 6, 4], "references": [1, 2, 3, 4, 5]}
    x, y = pairs["references"], pairs["predictions"]
    pearson, spearman = load_metric("pearsonr"), load_metric("spearmanr")
    assert pearson.compute(**pairs) == {"pearsonr": pytest.approx(stats.pearsonr(x, y)[0])}
    assert spearman.compute(**pairs) == {"spearmanr": pytest.approx(-0.7)}
    with_p = pearson.compute(**pairs, return_pvalue=True)
    assert with_p["p-value"] == pytest.approx(stats.pearsonr(x, y)[1])
    with_p = spearman.compute(**pairs, return_pvalue=True)
    assert with_p["spearmanr_pvalue"] == pytest.approx(stats.spearmanr(x, y)[1])


@pytest.mark.slow
def test_the_scripts_load_in_a_fresh_process_without_a_network(tmp_path):
    code = (
        "import sys, evaluate\n"
        "for name in sys.argv[2:]:\n"
        "    metric = evaluate.load(f'{sys.argv[1]}/{name}')\n"
        "    print(metric.compute(predictions=[0, 1, 1], references=[0, 1, 0]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(METRIC_SCRIPTS), *SHIPPED],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == f"{{'accuracy': {2 / 3}}}"
    assert len(done.stdout.splitlines()) == 4


def test_metrics_are_loaded_once():
    assert load_metric("accuracy") is load_metric("accuracy")


def test_unknown_metrics_are_refused():
    with pytest.raises(ValueError, match="Unknown metric 'pearson'"):
        load_metric("pearson")


def test_a_correlation_that_its_library_cannot_give_is_none(monkeypatch):
    class Lost:
        def compute(self, **_):
            return {"pearsonr": math.nan, "spearmanr": math.inf}

    monkeypatch.setattr("trainer.evaluation.metrics.load_metric", lambda *_: Lost())
    found = compute_task_metrics("similarity", [1.0, 2.0, 4.0], [0.0, 2.0, 3.0])
    assert found == {"pearson": 0.0, "spearman": 0.0}

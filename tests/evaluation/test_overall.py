"""The overall score: the parts of the tasks, and its interval."""

import numpy as np
import pytest
from scipy import stats

from tests.evaluation.test_intervals import GUESSES, PREDICTED, SCORES, TRUE
from trainer.evaluation import ScorePart, bootstrap_task, overall_interval, overall_score

CLASSES, NEAR = ScorePart.of_kind("classification"), ScorePart.of_kind("similarity")


def test_the_overall_score_is_equation_3():
    parts = {"a": CLASSES, "b": CLASSES, "c": NEAR}
    found = {"eval_a_accuracy": 0.5, "eval_b_accuracy": 0.8, "eval_c_pearson": 0.6, "eval_c_f1": 9}
    assert overall_score(found, parts) == pytest.approx((0.5 + 0.8 + (1 + 0.6) / 2) / 3)
    assert overall_score({"test_t_pearson": -1.0}, {"t": NEAR}, prefix="test") == 0.0


def test_tasks_are_weighted_and_excluded():
    parts = {
        "a": ScorePart("f1", 3.0),
        "b": CLASSES,
        "c": ScorePart("accuracy", 0.0),
        "d": ScorePart("accuracy", auxiliary=True),
    }
    found = {"eval_a_f1": 0.2, "eval_b_accuracy": 0.8}
    assert overall_score(found, parts) == pytest.approx((3 * 0.2 + 0.8) / 4)


def test_the_overall_score_names_what_is_missing():
    with pytest.raises(KeyError, match="Task 'tags' has no 'eval_tags_accuracy'"):
        overall_score({"eval_a_accuracy": 1.0}, {"a": CLASSES, "tags": CLASSES})
    for parts in ({}, {"a": ScorePart("accuracy", 0.0)}):
        with pytest.raises(ValueError, match="at least one task"):
            overall_score({"eval_a_accuracy": 1.0}, parts)


def test_the_overall_score_has_an_interval_of_its_own():
    draws = {
        "mood": bootstrap_task("classification", PREDICTED, TRUE, number=0),
        "near": bootstrap_task("similarity", GUESSES, SCORES, number=1),
    }
    parts = {"mood": CLASSES, "near": NEAR, "unmeasured": CLASSES}
    low, high = overall_interval(draws, parts)
    accuracy, pearson = np.mean(PREDICTED == TRUE), stats.pearsonr(GUESSES, SCORES)[0]
    assert low < (accuracy + (1 + pearson) / 2) / 2 < high
    # Errors of tasks that are drawn apart make up for one another.
    (a, b), (c, d) = (draws["mood"].intervals()["accuracy"], draws["near"].intervals()["pearson"])
    assert high - low < ((b - a) + (d - c) / 2) / 2
    alone = overall_interval(draws, {"mood": CLASSES, "near": ScorePart("pearson", 0.0)})
    assert alone == draws["mood"].intervals()["accuracy"]
    by_f1 = overall_interval(draws, {"mood": ScorePart("f1")})
    assert by_f1 == draws["mood"].intervals()["f1"]


def test_the_overall_score_has_no_interval_without_draws():
    assert overall_interval({"a": None}, {"a": CLASSES}) is None
    assert overall_interval({}, {}) is None
    drawn = bootstrap_task("classification", PREDICTED, TRUE)
    assert overall_interval({"a": drawn}, {"a": ScorePart("a_users")}) is None

"""Bootstrap intervals equal scipy's and have the properties that their definition implies."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from trainer.evaluation import bootstrap_task, compute_task_metrics

RANDOM = np.random.default_rng(7)
TRUE = RANDOM.integers(0, 5, 400)
PREDICTED = np.where(RANDOM.random(400) < 0.5, TRUE, RANDOM.integers(0, 5, 400))
SCORES = RANDOM.integers(0, 11, 300) / 2
GUESSES = np.clip(SCORES + RANDOM.normal(0, 1.5, 300), 0, 5)


def scipy_interval(statistic, *data):
    found = stats.bootstrap(
        data, statistic, paired=True, vectorized=False, method="percentile", n_resamples=999, rng=1
    )
    return list(found.confidence_interval)


def macro_f1(predicted, true):
    """F1 of classes of which each has rows, without what scikit-learn does for others."""
    each = [
        [np.sum((predicted == c) & (true == c)), np.sum(predicted == c), np.sum(true == c)]
        for c in range(5)
    ]
    right, called, there = np.transpose(each)
    return np.mean(2 * right / (called + there))


def test_the_statistic_is_scikit_learns():
    assert macro_f1(PREDICTED, TRUE) == pytest.approx(f1_score(TRUE, PREDICTED, average="macro"))


@pytest.mark.parametrize(
    "metric, statistic",
    [("accuracy", lambda predicted, true: np.mean(predicted == true)), ("f1", macro_f1)],
)
def test_intervals_of_classes_are_scipys(metric, statistic):
    found = bootstrap_task("classification", PREDICTED, TRUE, num_labels=5).intervals()
    assert found[metric] == pytest.approx(scipy_interval(statistic, PREDICTED, TRUE), abs=0.01)


@pytest.mark.parametrize(
    "metric, statistic",
    [
        ("pearson", lambda predicted, true: stats.pearsonr(predicted, true)[0]),
        ("spearman", lambda predicted, true: stats.spearmanr(predicted, true)[0]),
    ],
)
def test_intervals_of_scores_are_scipys(metric, statistic):
    # Both have ties: predictions were clipped to the range.
    found = bootstrap_task("similarity", GUESSES, SCORES).intervals()
    assert found[metric] == pytest.approx(scipy_interval(statistic, GUESSES, SCORES), abs=0.01)


def test_f1_of_a_draw_is_over_its_classes():
    # Of a class with one row, 37% of the draws have none, in which it does not count.
    true = np.array([0] * 10 + [1] * 10 + [2])
    drawn = bootstrap_task("classification", true, true, num_labels=4)
    assert (drawn.values["f1"] == 1).all()
    hot = np.eye(4)[true]
    drawn = bootstrap_task("multi_label", hot, hot, outputs=hot)
    assert (drawn.values["f1_macro"] == 1).all()


@pytest.mark.parametrize("classes", [2, 5])
def test_a_draw_is_measured_as_the_metrics_are(classes):
    # Every draw is a multiset of the rows, so the mean over draws is close to the metric.
    true, predicted = TRUE % classes, PREDICTED % classes
    drawn = bootstrap_task("classification", predicted, true, num_labels=classes)
    metrics = compute_task_metrics("classification", predicted, true, num_labels=classes)
    for metric, value in metrics.items():
        assert drawn.values[metric].mean() == pytest.approx(value, abs=0.01)


def test_the_same_predictions_have_the_same_intervals():
    first, second = (bootstrap_task("similarity", GUESSES, SCORES, number=1) for _ in range(2))
    assert first.intervals() == second.intervals()
    other = bootstrap_task("similarity", GUESSES, SCORES, number=2)
    assert first.intervals() != other.intervals()


def test_more_rows_make_intervals_narrower():
    def width(times):
        predicted, true = np.tile(PREDICTED, times), np.tile(TRUE, times)
        low, high = bootstrap_task("classification", predicted, true).intervals()["accuracy"]
        return high - low

    assert width(4) == pytest.approx(width(1) / 2, rel=0.15)


def test_tokens_of_a_sentence_are_drawn_together():
    # Each sentence is all right or all wrong: ten tokens carry no more information than one.
    right = RANDOM.random(80) < 0.7
    true = np.zeros(800, dtype=int)
    predicted = np.repeat(~right, 10).astype(int)
    apart = bootstrap_task("token_classification", predicted, true, num_labels=3).intervals()
    rows = np.repeat(np.arange(80), 10)
    drawn = bootstrap_task("token_classification", predicted, true, num_labels=3, rows=rows)
    sentences = bootstrap_task("classification", (~right).astype(int), true[:80], num_labels=3)
    together = np.ptp(drawn.intervals()["accuracy"])
    assert together > 2.5 * np.ptp(apart["accuracy"])
    assert together == pytest.approx(np.ptp(sentences.intervals()["accuracy"]), rel=0.15)


def test_what_is_not_defined_in_a_draw_counts_as_zero():
    constant = bootstrap_task("regression", np.full(20, 3.3), SCORES[:20]).intervals()
    assert constant == {"pearson": [0, 0], "spearman": [0, 0]}
    never = bootstrap_task("classification", np.zeros(20, int), np.zeros(20, int), num_labels=2)
    assert never.intervals() == {"accuracy": [1, 1], "f1": [0, 0]}


def test_one_row_says_nothing():
    assert bootstrap_task("classification", [1], [1]) is None
    assert bootstrap_task("regression", [1.0], [2.0]) is None
    same = bootstrap_task("token_classification", [0, 1], [0, 1], rows=[3, 3])
    assert same is None

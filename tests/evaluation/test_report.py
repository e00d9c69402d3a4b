import json

import pytest

from trainer.evaluation.report import classification_report, regression_report


def test_classes_by_hand():
    report = classification_report([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], ["no", "yes", "unsure"])
    assert report["labels"] == ["no", "yes", "unsure"]
    assert report["confusion_matrix"] == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert report["per_class"]["no"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2}
    two_thirds = pytest.approx(2 / 3)
    assert report["per_class"]["yes"] == {
        "precision": two_thirds,
        "recall": two_thirds,
        "f1": two_thirds,
        "support": 3,
    }
    assert report["per_class"]["unsure"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
    }
    assert json.loads(json.dumps(report)) == report


def test_bad_classes_are_refused():
    with pytest.raises(ValueError, match="number of labels"):
        classification_report([0, 2], [0, 1], ["no", "yes"])
    with pytest.raises(ValueError, match="differ"):
        classification_report([0, 1], [0, 1], ["no", "no"])


def test_scores_by_hand():
    report = regression_report([0.5, 1.5, 6.0, 4.0], [0.0, 0.5, 5.0, 4.0], (0, 5))
    assert report["mse"] == pytest.approx((0.25 + 1 + 1 + 0) / 4)
    assert report["mae"] == pytest.approx((0.5 + 1 + 1 + 0) / 4)
    empty = {"count": 0, "mean_label": None, "mean_prediction": None}
    assert report["bands"] == [
        {"from": 0, "to": 1, "count": 2, "mean_label": 0.25, "mean_prediction": 1.0},
        {"from": 1, "to": 2, **empty},
        {"from": 2, "to": 3, **empty},
        {"from": 3, "to": 4, **empty},
        {"from": 4, "to": 5, "count": 2, "mean_label": 4.5, "mean_prediction": 5.0},
    ]
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    ("score_range", "edges"),
    [
        ((-1.0, 1.0), [-1, -0.5, 0, 0.5, 1]),
        ((0.0, 1.0), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ((0.1, 1.1), [0.1, 0.3, 0.5, 0.7, 0.9, 1.1]),
        ((0.0, 1.5), [0, 0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.5]),
        ((0.0, 5.0), [0, 1, 2, 3, 4, 5]),
        ((0.0, 20000.0), [0, 5000, 10000, 15000, 20000]),
        ((-3e-7, 0.4), None),
        ((0.2, 1e12), None),
    ],
)
def test_bands_cover_any_range(score_range, edges):
    bands = regression_report([0.3, 0.3], [0.2, 0.4], score_range)["bands"]
    found = [band["from"] for band in bands] + [bands[-1]["to"]]
    assert edges is None or found == edges
    assert 4 <= len(bands) <= 10 and [band["to"] for band in bands[:-1]] == found[1:-1]
    assert (found[0], found[-1]) == score_range
    assert sum(band["count"] for band in bands) == 2


@pytest.mark.parametrize("score_range", [(5, 0), (1, 1), (0, float("inf"))])
def test_bad_ranges_are_refused(score_range):
    with pytest.raises(ValueError, match="score range must be"):
        regression_report([1.0], [1.0], score_range)


def test_labels_outside_the_range_are_refused():
    with pytest.raises(ValueError, match="widen the task's score_range"):
        regression_report([1.0], [5.5], (0, 5))

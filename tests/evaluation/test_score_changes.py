import pytest

from trainer.evaluation.overall import ScorePart
from trainer.evaluation.score_changes import score_changes

PARTS = {"mood": ScorePart("accuracy"), "near": ScorePart("pearson")}


def entry(step, mood, near):
    scores = {"eval_mood_accuracy": mood, "eval_near_pearson": near}
    return {"step": step, **scores, "eval_overall": (mood + near) / 2}


def by_task(history, parts=PARTS, **options):
    return {score.task: score for score in score_changes(history, parts, **options)}


def test_each_score_is_beside_the_one_before_and_the_best():
    history = [
        entry(0, 0.2, 0.9),
        {"step": 5, "loss": 1.0},
        entry(10, 0.5, 0.7),
        entry(20, 0.4, 0.8),
    ]
    found = by_task(history)
    assert list(found) == ["mood", "near", ""]
    mood, near = found["mood"], found["near"]
    assert (mood.value, mood.best, mood.best_step, mood.is_best) == (0.4, 0.5, 10, False)
    assert mood.change == pytest.approx(-0.1) and not mood.is_better
    assert near.change == pytest.approx(0.1) and near.is_better
    assert (near.best, near.best_step) == (0.9, 0)
    assert found[""].metric == "overall" and found[""].is_best


def test_the_first_evaluation_has_no_change_and_is_not_marked_as_the_best():
    found = by_task([entry(0, 0.2, 0.9)])
    assert [(score.change, score.is_best) for score in found.values()] == [(None, False)] * 3


def test_an_equal_score_is_not_a_new_best():
    mood = by_task([entry(0, 0.5, 0.9), entry(10, 0.5, 0.9)])["mood"]
    assert (mood.change, mood.best_step, mood.is_best) == (0, 0, False)


def test_an_evaluation_repeated_at_its_step_is_compared_with_an_earlier_step():
    mood = by_task([entry(0, 0.1, 0.9), entry(10, 0.5, 0.9), entry(10, 0.5, 0.9)])["mood"]
    assert mood.change == pytest.approx(0.4) and mood.is_best


def test_of_a_metric_that_is_better_low_the_lowest_is_the_best():
    parts = {"stars": ScorePart("mae")}
    history = [{"step": s, "eval_stars_mae": value} for s, value in ((1, 2.0), (2, 1.0))]
    (score,) = score_changes(history, parts)
    assert score.is_better and score.is_best and score.best == 1.0


def test_without_tasks_the_loss_is_the_score():
    history = [{"step": 1, "eval_loss": 3.0}, {"step": 2, "eval_loss": 2.5}]
    (score,) = score_changes(history, {})
    assert (score.metric, score.is_better, score.is_best) == ("loss", True, True)


def test_a_score_that_is_not_a_number_is_never_the_best():
    history = [entry(1, 0.5, 0.9), entry(2, float("nan"), 0.9), entry(3, 0.4, 0.9)]
    assert by_task(history)["mood"].best == 0.5


def test_names_with_another_prefix_are_found():
    (score,) = score_changes([{"step": 0, "test_mood_accuracy": 0.5}], PARTS, prefix="test")
    assert (score.task, score.value) == ("mood", 0.5)

"""Scores of sets of values over seeds."""

import pytest

from tests.search.methods.driving import make_study
from trainer.search.methods.candidates import Candidate, quality
from trainer.search.trials import Result, Segment, Trial


@pytest.mark.parametrize(
    ("metric", "sign"),
    [
        ("eval_overall", 1),
        ("eval_loss", -1),
        ("eval_quality_loss", -1),
        ("eval_sentiment_accuracy", 1),
        ("eval_stars_mae", -1),
        ("eval_topics_f1_macro", 1),
    ],
)
def test_higher_qualities_are_better_whatever_the_metric(metric, sign):
    assert quality(make_study(study_metric=metric), Result(0.5)) == sign * 0.5


@pytest.mark.parametrize("score", [None, float("nan"), float("inf")])
def test_a_score_that_the_journal_cannot_hold_counts_as_failed(score):
    assert quality(make_study(), Result(score)) is None


def test_the_mean_is_that_of_all_seeds_in_any_order():
    for numbers in ([1, 2, 3], [3, 1, 2]):
        candidate = Candidate([Trial(number, seed=number) for number in (1, 2, 3)])
        for number in numbers:
            assert not candidate.is_known(10)
            candidate.tell(Segment(number, 10), 0.1 * number)
        assert candidate.is_known(10) and not candidate.is_known(None)
        assert candidate.mean(10) == pytest.approx(0.2)


def test_the_mean_with_a_failed_seed_is_none():
    candidate = Candidate([Trial(1, 1), Trial(2, 2)])
    candidate.tell(Segment(1), 0.1)
    candidate.tell(Segment(2), None)
    assert candidate.is_known(None) and candidate.mean(None) is None

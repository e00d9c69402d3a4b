"""Asynchronous successive halving."""

import pytest

from tests.search.methods.driving import drive, make_study
from trainer.errors import InputError
from trainer.search.methods import make_method
from trainer.search.trials import Result, Segment

SETTINGS = {
    "method": "asha",
    "trials": 8,
    "cycles": 40,
    "interval": 10,
    "method_options": {"reduction_factor": 2},
}
SCORES = [5, 1, 8, 2, 7, 3, 6, 4]
# The order of segments by hand, as (trial, end): after each, the best of half the trials that
# finished a rung is promoted, from the highest rung possible, or else the next trial begins.
KEYS = [
    *[(1, 10), (2, 10), (1, 20), (3, 10), (3, 20), (3, None), (4, 10), (5, 10), (5, 20)],
    *[(6, 10), (7, 10), (7, 20), (5, None), (8, 10)],
]


def asha(**settings):
    return make_method(make_study(**{**SETTINGS, **settings}))


def by_number(scores):
    return lambda segment: Result(scores[segment.trial - 1])


def test_rungs_end_after_powers_of_eta_and_the_last_with_the_run():
    assert asha().rungs == [10, 20, None]
    assert asha(trials=16, cycles=41).rungs == [10, 20, 40, None]
    assert asha(trials=16, method_options={}, cycles=41).rungs == [10, 40, None]


def test_the_top_half_of_each_rung_is_promoted_one_after_the_other():
    method = asha()
    results = drive(method, by_number(SCORES))
    assert [segment.key for segment, _ in results] == KEYS
    assert method.ask() is None


def test_a_promoted_candidate_goes_on_where_it_paused():
    segments = [segment for segment, _ in drive(asha(), by_number([8, 7, 6, 5, 4, 3, 2, 1]))]
    assert Segment(1, 20, 10) in segments and Segment(1, None, 20) in segments


def test_lower_losses_are_promoted():
    losses = [9 - score for score in SCORES]
    results = drive(asha(study_metric="eval_loss"), by_number(losses))
    assert [segment.key for segment, _ in results] == KEYS


def test_candidates_are_compared_by_their_mean_over_seeds_within_their_variant():
    method = asha(seeds=[1, 2], variants={"a": {}, "b": {}}, trials=4)
    assert [(t.variant, t.seed) for t in method.trials[:4]] == [
        *[("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    ]
    assert method.trials[0].values == method.trials[3].values
    # Variant b is far better, and its first candidate in one seed only.
    scores = [1, 1, 109, 90, 2, 2, 100, 100, 3, 3, 80, 80, 4, 4, 70, 70]
    results = drive(method, by_number(scores))
    promoted = {segment.trial for segment, _ in results if segment.until == 20}
    assert {7, 8} <= promoted and {5, 6} <= promoted
    assert not {1, 2} & promoted


def test_failed_candidates_count_in_their_rung_and_are_never_promoted():
    def train(segment):
        failed = segment.trial in (1, 3, 4)
        return Result(None, error="NaN") if failed else Result(float(segment.trial))

    method = asha(trials=4)
    results = drive(method, train)
    assert [segment.key for segment, _ in results] == [
        *[(1, 10), (2, 10), (2, 20), (3, 10), (4, 10)]
    ]


def test_all_failed_ends_the_search():
    assert len(drive(asha(), lambda segment: Result(None, error="NaN"))) == 8


def test_results_in_another_order_still_train_every_candidate():
    for parallel in (2, 3):
        results = drive(asha(), by_number(SCORES), parallel, last_first=True)
        assert {s.trial for s, _ in results if s.until == 10} == set(range(1, 9))
        assert len({segment.key for segment, _ in results}) == len(results)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"interval": 40}, "interval = 40: the first rung must end before cycles = 40"),
        ({"trials": 3}, r"trials = 3: none would be trained to its end: of 4, .* 10, 20 cycles"),
        ({"cycles": None}, "cycles: is missing, which method: asha needs"),
        ({"minutes": 3.0}, "minutes = 3.0: is not used by method: asha"),
        ({"method_options": {"reduction_factor": 1}}, "method_options: reduction_factor = 1"),
        ({"method_options": {"reduction": 3}}, "option 'reduction'. Did you mean 'reduction_f"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        asha(**settings)

"""Comparisons of windows: what is tested, and against what."""

import re

import numpy as np

from tests.monitoring.simulated import make_reference, mood
from trainer.monitoring.alerts import AlertLog
from trainer.monitoring.compare import Check, Comparison
from trainer.monitoring.feedback import FeedbackCounts
from trainer.monitoring.options import MonitorOptions
from trainer.monitoring.words import describe

OPTIONS = MonitorOptions("500rows")


def results_of(comparison, number, answers, feedback=None):
    found = comparison.compare(number, {"mood": answers}, {"mood": feedback or FeedbackCounts()})
    return {result.check: result for result in found}


def test_few_answers_are_not_tested_and_say_so():
    random = np.random.default_rng(0)
    found = results_of(Comparison(make_reference(random), OPTIONS), 0, mood(random, 20))
    assert all(result.shift is None for result in found.values())
    assert found[Check("mood", "labels")].reason == "not enough rows: 20 of 50"


def test_a_small_reference_is_not_tested_against():
    random = np.random.default_rng(0)
    found = results_of(Comparison(make_reference(random, 30), OPTIONS), 0, mood(random, 500))
    reasons = {found[Check("mood", name)].reason for name in ("labels", "tokens", "vectors")}
    assert reasons == {"not enough rows in the reference: 30"}


def test_a_difference_needs_significance_and_size():
    random = np.random.default_rng(0)
    reference = make_reference(random, 100_000)
    answers = mood(random, 100_000, shares=(0.22, 0.3, 0.48), vectors=False)
    found = results_of(Comparison(reference, OPTIONS), 0, answers)[Check("mood", "labels")]
    assert found.p_holm < 1e-6 and not found.exceeds(OPTIONS)
    assert found.exceeds(MonitorOptions("500rows", effects={"labels": 0.01}))


def test_groups_are_compared_with_their_own_first_answers():
    random = np.random.default_rng(0)
    comparison = Comparison(make_reference(random), OPTIONS)
    south = Check("mood", "labels", "region = south")
    shares = (0.8, 0.1, 0.1)  # from the beginning: no change
    reasons = []
    for number in range(4):
        answers = mood(random, 500, group_shares=shares, vectors=False)
        found = results_of(comparison, number, answers)[south]
        reasons.append(found.reason)
    assert reasons[0] and not reasons[-1] and not found.exceeds(OPTIONS)


def test_corrections_are_compared_with_the_first_ones():
    random = np.random.default_rng(0)
    comparison, log = Comparison(make_reference(random), OPTIONS), AlertLog(OPTIONS)
    for number in range(5):
        corrected = 100 if number > 2 else 15
        found = results_of(
            comparison, number, mood(random, 500, vectors=False), FeedbackCounts(corrected, 3)
        )
        log.add(number, found.values())
    assert [alert.check for alert in log.alerts] == [Check("mood", "corrected")]
    assert log.alerts[0].first == 3


def test_an_alert_ends_and_may_begin_again():
    random = np.random.default_rng(0)
    comparison, log = Comparison(make_reference(random), OPTIONS), AlertLog(OPTIONS)
    for number, drifts in enumerate([0, 1, 1, 1, 0, 1, 1]):
        shares = (0.6, 0.2, 0.2) if drifts else (0.2, 0.3, 0.5)
        found = results_of(comparison, number, mood(random, 500, shares=shares, vectors=False))
        log.add(number, [found[Check("mood", "labels")]])
    assert [(a.first, a.last, a.is_active) for a in log.alerts] == [(1, 3, False), (5, 6, True)]
    assert log.has_enough and len(log.active) == 1


def test_a_difference_is_said_with_both_sides():
    random = np.random.default_rng(0)
    answers = mood(random, 500, shares=(0.9, 0.05, 0.05), vectors=False)
    found = results_of(Comparison(make_reference(random), OPTIONS), 0, answers)
    labels, tokens = (describe(found[Check("mood", name)]) for name in ("labels", "tokens"))
    assert re.search(r"bad (19|20|21)\.\d% in the reference, (8|9)\d\.\d% now", labels)
    assert re.search(r"median \d+ in the reference, \d+ now", tokens)

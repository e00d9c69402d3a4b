"""Simulated logs: what does not drift gives no alert, and what does is found in two windows."""

import numpy as np
import pytest

from tests.monitoring.simulated import make_reference, mood, near
from trainer.monitoring.alerts import AlertLog
from trainer.monitoring.compare import Check, Comparison
from trainer.monitoring.options import MonitorOptions

OPTIONS = MonitorOptions("500rows")
SEEDS = 20
LABELS = Check("mood", "labels")


def alerts(seed, windows, with_vectors=lambda number: True, **drift):
    """The alerts of a log whose last two windows drift."""
    random = np.random.default_rng(seed)
    comparison, log = Comparison(make_reference(random), OPTIONS), AlertLog(OPTIONS)
    for number in range(windows):
        options = drift if number >= windows - 2 else {}
        answers = {
            "mood": mood(random, 500, vectors=with_vectors(number), **options),
            "near": near(random, 500),
        }
        log.add(number, comparison.compare(number, answers, {}))
    return log.alerts


def test_sixty_windows_without_drift_give_at_most_one_alert():
    found = [alerts(seed, 60, lambda number: False) for seed in range(SEEDS // 4)]
    assert sum(map(len, found)) <= 1


@pytest.mark.slow
def test_so_do_sixty_windows_of_all_seeds_with_vectors():
    found = [alerts(seed, 60) for seed in range(SEEDS)]
    assert sum(map(len, found)) <= 1


@pytest.mark.parametrize(
    ("measure", "drift"),
    [
        ("vectors", {"topic": 0.25}),
        ("tokens", {"length": 30.0}),
        ("labels", {"shares": (0.4, 0.3, 0.3)}),
    ],
)
def test_drift_is_found_within_two_windows(measure, drift):
    has_topic = "topic" in drift
    for seed in range(SEEDS // 2 if has_topic else SEEDS):  # vectors take their time
        found = alerts(seed, 3, lambda number: has_topic and number > 0, **drift)
        overall = {alert.check.measure for alert in found if not alert.check.group}
        assert overall == {measure}, seed


def test_drift_of_one_group_alone_is_named():
    for seed in range(SEEDS):
        found = alerts(seed, 6, lambda number: False, group_shares=(0.55, 0.3, 0.15))
        groups = [alert.check.group for alert in found if alert.check.group]
        assert groups == ["region = south"], seed


def test_one_window_is_no_alert():
    random = np.random.default_rng(0)
    comparison, log = Comparison(make_reference(random), OPTIONS), AlertLog(OPTIONS)
    for number in range(6):
        shares = (0.6, 0.2, 0.2) if number % 2 else (0.2, 0.3, 0.5)
        answers = {"mood": mood(random, 500, shares=shares, vectors=False)}
        results = comparison.compare(number, answers, {})
        log.add(number, [result for result in results if result.check == LABELS])
    assert not log.alerts and log.is_suspected(LABELS)

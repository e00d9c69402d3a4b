"""A planted bias is found with its size, and a fair sample gives no finding."""

import numpy as np
import pytest

from trainer.audit.groups import make_groups
from trainer.audit.measures import class_measures, label_measures, score_measures
from trainer.audit.subgroups import (
    compare_groups,
    correct,
    count_findings,
    finding_tables,
    group_tables,
)

LABELS = ["no", "yes"]
N = 2000


def sample(seed, flipped=0.0):
    """Labels, predictions that are right in 85% of rows, and groups.

    In rows of the group `with`, this share of the predictions is flipped.
    """
    random = np.random.default_rng(seed)
    true = random.integers(0, 2, N)
    predicted = np.where(random.random(N) < 0.85, true, 1 - true)
    term = np.where(random.random(N) < 0.3, "with", "without")
    flips = (term == "with") & (random.random(N) < flipped)
    columns = {"term": term, "region": random.choice(["north", "south", "west"], N)}
    return np.where(flips, 1 - predicted, predicted), true, columns


def audit(predicted, true, columns, min_rows=30):
    measures = class_measures(predicted, true, LABELS)
    comparisons = compare_groups("mood", measures, make_groups(columns), min_rows)
    return comparisons, correct(comparisons)


def test_a_fair_sample_gives_no_finding_in_95_percent_of_40_seeds():
    findings = [finding_tables(audit(*sample(seed))[0]) for seed in range(40)]
    assert sum(map(bool, findings)) <= 2


def test_a_planted_bias_is_found_with_its_size_within_the_interval():
    # A flip turns a right prediction into a wrong one, and the reverse: 0.2 * (0.15 - 0.85).
    size, inside = 0.2 * (0.15 - 0.85), 0
    for seed in range(20):
        found = finding_tables(audit(*sample(seed, flipped=0.2))[0])
        accuracy = {f["group"]: f for f in found if f["measure"] == "accuracy"}
        assert accuracy["term = with"]["difference"] < -0.05
        assert not any(f["group"].startswith("region") for f in found)
        low, high = accuracy["term = with"]["difference_interval"]
        inside += low <= size <= high
    assert inside >= 18


def test_the_rest_of_a_group_is_the_same_test_with_the_opposite_sign():
    comparisons, tests = audit(*sample(0))
    own = {c.group.name: c for c in comparisons if c.measure.name == "accuracy"}
    one, other = own["term = with"], own["term = without"]
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.p_holm == other.p_holm
    assert tests == len(comparisons) - 3  # its three measures are counted once
    # A bias between two groups is two lines of the report, and one finding.
    true = np.tile([0, 1], 100)
    group = {"place": ["a"] * 100 + ["b"] * 100}
    comparisons, tests = audit(np.where(np.arange(200) < 100, true, 1 - true), true, group)
    assert (len(finding_tables(comparisons)), count_findings(comparisons), tests) == (6, 3, 3)


def test_groups_below_the_minimum_are_listed_and_an_undefined_rate_is_not_zero():
    true = np.array([1] * 10 + [0, 1] * 50)
    predicted = true.copy()
    columns = {"place": ["a"] * 10 + ["b"] * 60 + [None] * 40}
    comparisons, _ = audit(predicted, true, columns)
    tables = {table["group"]["place"]: table for table in group_tables(comparisons, 30)}
    small, large, missing = (tables[name] for name in ("a", "b", "(missing)"))
    assert small["n"] == 10 and small["too_few_rows"] and not large["too_few_rows"]
    assert missing["n"] == 40
    assert small["labels"]["yes"] == {"negatives": 0, "positives": 10}
    rates = {m["measure"]: m for m in small["measures"]}
    assert rates["false_positive_rate"]["value"] is None
    assert rates["false_positive_rate"]["undefined"] == "no negatives"
    assert rates["accuracy"]["value"] == 1
    assert rates["accuracy"]["not_tested"] == "fewer than 30 rows"


def test_the_detectable_difference_is_found_in_four_of_five_samples():
    comparisons, _ = audit(*sample(0))
    planted = next(
        c for c in comparisons if c.measure.name == "accuracy" and c.group.name == "term = with"
    )
    share = planted.smallest / 0.7  # of flips, which cost 0.7 of accuracy each
    found = sum(
        any(
            f["measure"] == "accuracy" and f["group"] == "term = with"
            for f in finding_tables(audit(*sample(seed, flipped=share))[0])
        )
        for seed in range(40)
    )
    assert 25 <= found <= 39


def test_several_classes_and_labels_have_rates_of_each_against_the_rest():
    random = np.random.default_rng(0)
    predicted, true = random.integers(0, 3, (2, 90))
    names = ["a", "b", "c"]
    measures = class_measures(predicted, true, names)
    assert [m.label for m in measures] == [None, "a", "a", "b", "b", "c", "c"]
    everyone = np.ones(90, dtype=bool)
    rate = next(m for m in measures if m.label == "b" and m.name == "false_positive_rate")
    expected = ((predicted == 1) & (true != 1)).sum() / (true != 1).sum()
    assert rate.estimate(everyone).value == pytest.approx(expected)
    hot = [np.eye(3, dtype=bool)[indices] for indices in (predicted, true)]
    for one, many in zip(measures, label_measures(*hot, names), strict=True):
        assert one.estimate(everyone) == many.estimate(everyone)


def test_scores_have_residuals_of_a_group_that_is_rated_too_low():
    random = np.random.default_rng(1)
    true = random.uniform(0, 5, 600)
    group = np.array(["x", "y"] * 300)
    predicted = true + random.normal(0, 0.5, 600) - 0.4 * (group == "x")
    measures = score_measures(predicted, true)
    comparisons = compare_groups("near", measures, make_groups({"group": group}), 30)
    correct(comparisons)
    found = {(f["group"], f["measure"]): f for f in finding_tables(comparisons)}
    low, high = found["group = x", "residual"]["difference_interval"]
    assert low < -0.4 < high < 0
    table = group_tables(comparisons, 30)[0]
    assert table["measures"][2]["measure"] == "correlation"
    assert 0.8 < table["measures"][2]["value"] < 1

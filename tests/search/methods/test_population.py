"""Rounds and selection of population-based methods."""

from statistics import median

import pytest

from tests.search.methods.driving import Executor, MovingOptimum, best_of, drive, make_study
from trainer.errors import InputError
from trainer.search.methods import make_method
from trainer.search.methods.population import select
from trainer.search.run import Search
from trainer.search.trials import Result

SETTINGS = {"method": "pbt", "trials": 5, "cycles": 50, "interval": 20}


def population(**settings):
    return make_method(make_study(**{**SETTINGS, **settings}))


def by_number(segment):
    return Result(float(segment.trial))


def test_the_best_and_the_worst_quantile():
    qualities = {1: 0.5, 2: 0.9, 3: 0.1, 4: 0.7, 5: 0.3}
    assert select(qualities, 0.2) == ([2], [3])
    assert select(qualities, 0.25) == ([2, 4], [5, 3])  # rounded up
    assert select(qualities, 0.5) == ([2, 4], [5, 3])  # at most half, rounded down
    assert select({1: 0.5, 2: 0.5, 3: 0.5}, 0.3) == ([1], [3])
    assert select(qualities, 0.0)[1] == []


def test_all_failed_members_are_among_the_worst():
    assert select({1: None, 2: 0.9, 3: None, 4: 0.1}, 0.25) == ([2], [1, 3])
    assert select({1: None, 2: 0.9, 3: 0.2, 4: 0.1}, 0.5) == ([2, 3], [4, 1])
    assert select({1: None, 2: None, 3: 0.2, 4: None}, 0.5) == ([3], [1, 2, 4])
    assert select({1: None, 2: 0.9}, 0.0) == ([2], [1])


def test_rounds_end_after_each_interval_and_the_last_with_the_run():
    segments = [segment for segment, _ in drive(population(), by_number)]
    rounds = [segments[:5], segments[5:10], segments[10:]]
    for part, start, until in zip(rounds, (0, 20, 40), (20, 40, None), strict=True):
        assert {s.trial for s in part} == {1, 2, 3, 4, 5}
        assert {(s.start, s.until) for s in part} == {(start, until)}


def test_the_worst_member_copies_the_best_and_is_trained_first():
    method = population()
    segments = [segment for segment, _ in drive(method, by_number)]
    assert [(s.trial, s.donor) for s in segments[5:10]] == [
        *[(1, 5), (2, None), (3, None), (4, None), (5, None)]
    ]
    assert segments[5].values != segments[0].values
    assert [s.values for s in segments[6:10]] == [s.values for s in segments[1:5]]
    assert [dict(t.values) for t in method.trials] == [s.values for s in segments[:5]]


@pytest.mark.parametrize("name", ["pbt", "gpbt"])
def test_the_order_of_results_within_a_round_changes_nothing(name):
    in_order = population(method=name, seeds=[1, 2])
    expected = drive(in_order, MovingOptimum(in_order))
    for parallel in (2, 5, 10):
        other = population(method=name, seeds=[1, 2])
        results = drive(other, MovingOptimum(other), parallel, last_first=True)
        assert sorted(map(str, results)) == sorted(map(str, expected))


def test_every_seed_and_variant_has_a_population_with_the_same_first_values():
    method = population(seeds=[7, 8], variants={"a": {}, "b": {}})
    results = drive(method, by_number)
    values = [trial.values for trial in method.trials]
    assert values[:5] == values[5:10] == values[10:15] == values[15:]
    assert {(t.seed, t.variant) for t in method.trials[5:10]} == {(7, "b")}
    for segment, _ in results:
        if segment.donor is not None:
            assert (segment.donor - 1) // 5 == (segment.trial - 1) // 5


def test_a_failed_member_goes_on_with_a_copy_and_a_failed_population_ends():
    def train(segment):
        fails = (segment.trial == 3 and segment.until == 20) or segment.trial > 5
        return Result(None, error="NaN") if fails else by_number(segment)

    method = population(seeds=[1, 2])
    results = drive(method, train)
    segments = [segment for segment, _ in results if segment.trial <= 5]
    assert [(s.trial, s.donor) for s in segments[5:7]] == [(3, 5), (1, None)]
    assert len(results) == 15 + 5 and method.done


def test_lower_losses_are_copied():
    segments = [s for s, _ in drive(population(study_metric="eval_loss"), by_number)]
    assert (segments[5].trial, segments[5].donor) == (5, 1)


@pytest.mark.parametrize("name", ["pbt", "gpbt"])
def test_populations_follow_a_moving_optimum_better_than_random_search(name):
    random = [best_of(method="random", trials=8, seed=seed) for seed in range(10)]
    settings = {"method": name, "trials": 8, "cycles": 200, "interval": 10}
    found = [best_of(seed=seed, **settings) for seed in range(10)]
    assert median(found) > 1.2 * median(random)


@pytest.mark.parametrize("name", ["pbt", "gpbt"])
@pytest.mark.parametrize("count", [0, 3, 5, 12])
def test_a_search_goes_on_from_its_journal(tmp_path, name, count):
    def search(folder):
        study = make_study(folder, **{**SETTINGS, "method": name}, parallel=2)
        return Search(study, lambda trial, segment: segment)

    unbroken = search(tmp_path / "unbroken")
    train = MovingOptimum(unbroken.method)
    unbroken.run(Executor(train))
    broken = search(tmp_path / "broken")
    with pytest.raises(RuntimeError, match="power is lost"):
        broken.run(Executor(train, ends_after=count))
    resumed = search(tmp_path / "broken")
    assert len(resumed.results) == count
    resumed.run(Executor(train))
    assert sorted(map(str, resumed.results)) == sorted(map(str, unbroken.results))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trials": 1}, "trials = 1: a population needs two members"),
        ({"interval": 50}, "interval = 50: must be below cycles = 50"),
        ({"minutes": 1.0}, "minutes = 1.0: is not used by method: pbt"),
        (
            {"space": {"per_device_train_batch_size": [8, 16]}},
            "space: per_device_train_batch_size: cannot change while training goes on",
        ),
        ({"space": {"tasks.a.loss": ["focal"]}}, "Possible are .*tasks.NAME.loss_weight"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        population(**settings)


def test_fields_of_tasks_may_change():
    weights = {"low": 0.1, "high": 2.0}
    space = {"tasks.a.loss_weight": weights, "tasks.a.dropout": [0.1, 0.2]}
    assert all(set(trial.values) == set(space) for trial in population(space=space).trials)

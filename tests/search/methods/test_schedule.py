"""What a member of a population lived through, and its training once more."""

import pytest
import yaml

from tests.search.methods.driving import MovingOptimum, drive, make_study
from trainer.errors import InputError
from trainer.search.methods import make_method
from trainer.search.methods.schedule import lineage, schedule_of
from trainer.search.study_file import read_study
from trainer.search.trials import Result, Segment

SETTINGS = {"method": "schedule", "cycles": 30, "interval": 10}
RATES = {"learning_rate": [1e-3, 1e-4, 1e-4]}


def schedule(**settings):
    return make_method(make_study(**{**SETTINGS, "space": RATES, **settings}))


def test_a_run_has_one_value_of_the_list_in_each_interval():
    method = schedule(seeds=[1, 2])
    segments = [segment for segment, _ in drive(method, lambda segment: Result(1.0))]
    assert segments[:3] == [
        Segment(1, 10, 0, values={"learning_rate": 1e-3}),
        Segment(1, 20, 10, values={"learning_rate": 1e-4}),
        Segment(1, None, 20, values={"learning_rate": 1e-4}),
    ]
    assert [s.trial for s in segments[3:]] == [2, 2, 2]
    assert method.trials[1].values == {"learning_rate": 1e-3}


def test_a_failed_run_ends_and_the_others_go_on():
    def train(segment):
        return Result(None, error="NaN") if segment.trial == 1 else Result(1.0)

    results = drive(schedule(seeds=[1, 2]), train, parallel=2)
    assert [segment.trial for segment, _ in results].count(1) == 1
    assert [segment.trial for segment, _ in results].count(2) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cycles": 31}, "space: learning_rate: .* a list of 4 values, one for each 10 of the 31"),
        ({"space": {"learning_rate": {"low": 0.1, "high": 1}}}, "needs a list of 3 values"),
        ({"space": {"seed": [1, 2, 3]}}, "space: seed: cannot change while training goes on"),
        ({"trials": 3}, "trials = 3: is not used by method: schedule"),
    ],
)
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        schedule(**settings)


def test_the_lineage_follows_the_donors_back_to_the_first_step():
    method = make_method(make_study(method="pbt", trials=4, cycles=30, interval=10))
    # Trial 4 is the best at first, then trial 1, which copied it; then trial 2, which copied 1.
    scores = {10: [1, 2, 3, 4], 20: [9, 2, 3, 4], None: [5, 9, 3, 4]}
    drive(method, lambda segment: Result(scores[segment.until][segment.trial - 1]))
    path = lineage(method, 2)
    assert [(s.trial, s.start, s.until) for s in path] == [(4, 0, 10), (1, 10, 20), (2, 20, None)]
    assert [s.trial for s in lineage(method, 3)] == [3, 3, 3]


def test_a_member_that_was_not_trained_to_its_end_has_no_lineage():
    method = make_method(make_study(method="pbt", trials=4, cycles=30, interval=10))
    with pytest.raises(ValueError, match="trial 1 has not been trained to its end"):
        lineage(method, 1)


@pytest.mark.parametrize("name", ["pbt", "gpbt"])
def test_the_schedule_of_the_winner_trains_it_again(tmp_path, name):
    settings = {"method": name, "trials": 6, "cycles": MovingOptimum.cycles, "interval": 30}
    method = make_method(make_study(tmp_path, seeds=[3, 4], **settings))
    results = drive(method, MovingOptimum(method))
    winner, best = max(
        ((s.trial, r.score) for s, r in results if s.until is None), key=lambda pair: pair[1]
    )
    assert len({segment.trial for segment in lineage(method, winner)}) > 1
    path = tmp_path / "schedule.yaml"
    path.write_text(yaml.safe_dump(schedule_of(method, winner)))
    again = make_method(read_study(path))
    assert drive(again, MovingOptimum(again))[-1][1].score == best
    assert again.trials[0].seed == method.trials[winner - 1].seed


def test_the_schedule_contains_the_winners_variant():
    study = make_study(
        method="pbt", trials=2, cycles=20, interval=10, variants={"a": {}, "b": {"max_length": 9}}
    )
    method = make_method(study)
    drive(method, lambda segment: Result(1.0))
    assert schedule_of(method, 3)["options"] == {"max_length": 9}

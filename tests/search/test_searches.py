"""Searches of real runs, with the processes that `scripts/search.py` starts."""

from importlib.util import find_spec

import pytest
import yaml

from tests.toy_runs import toy_run
from trainer.search.command import run_study
from trainer.search.methods.schedule import lineage, schedule_of

SPACE = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A toy encoder and the shipped sample."""
    folder = tmp_path_factory.mktemp("searches")
    toy_run(folder, 1, 1, data_dir="sample", per_device_eval_batch_size=64)
    return folder


def run(place, name, **settings):
    study = {"base": "toy.yaml", "output_dir": str(place / name), "seeds": [1], "parallel": 2}
    path = place / f"{name}.yaml"
    path.write_text(yaml.safe_dump(study | {"cycles": 4, **settings}))
    search = run_study(path)
    assert all(result.error is None for _, result in search.results)
    return search


def score_at_the_end(search, trial):
    return next(r.score for s, r in search.results if s.key == (trial, None))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pbt", "gpbt"])
def test_the_schedule_of_a_copied_member_trains_it_again_to_the_last_digit(place, name):
    population = {"trials": 4, "interval": 2, "method_options": {"quantile": 0.5}}
    search = run(place, name, method=name, space=SPACE, **population)
    copied = next(s.trial for s in search.method.segments if s.donor is not None)
    assert len({segment.trial for segment in lineage(search.method, copied)}) == 2
    assert (place / name / "schedule.yaml").is_file()
    content = schedule_of(search.method, copied)
    again = run(place, f"{name}_again", **{k: v for k, v in content.items() if k != "output_dir"})
    assert score_at_the_end(again, 1) == score_at_the_end(search, copied)


@pytest.mark.slow
def test_a_paused_and_promoted_trial_ends_as_an_unbroken_one(place):
    halving = {"trials": 2, "interval": 2, "method_options": {"reduction_factor": 2}}
    search = run(place, "asha", method="asha", space=SPACE, **halving)
    assert len(search.results) == 3
    (ended,) = [segment.trial for segment, _ in search.results if segment.until is None]
    values = {option: [value] for option, value in search.method.trials[ended - 1].values.items()}
    unbroken = run(place, "unbroken", space=values)
    assert score_at_the_end(unbroken, 1) == score_at_the_end(search, ended)


@pytest.mark.slow
def test_values_of_optuna_are_trained_with_every_seed(place):
    pytest.importorskip("optuna")
    search = run(place, "tpe", method="tpe", space=SPACE, trials=2, cycles=2, seeds=[1, 2])
    assert [trial.seed for trial in search.method.trials] == [1, 2, 1, 2]
    assert len(search.results) == 4


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="needs pip install '.[ray]'")
def test_ray_trains_as_processes_do(place):
    space = {"learning_rate": [1e-3, 2e-3]}
    metrics = []
    for engine in ("processes", "ray"):
        search = run(place, engine, engine=engine, space=space, cycles=2)
        found = {segment.trial: result.metrics for segment, result in search.results}
        metrics.append([(found[n]["eval_loss"], found[n]["eval_overall"]) for n in (1, 2)])
    assert metrics[0] == metrics[1] and metrics[0][0] != metrics[0][1]

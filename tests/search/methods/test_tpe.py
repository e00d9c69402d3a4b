"""Searches with Optuna's sampler."""

import sys

import pytest

from tests.search.methods.driving import Executor, drive, make_study
from trainer.errors import InputError
from trainer.search.methods import make_method
from trainer.search.run import Search
from trainer.search.trials import Result

SPACE = {
    "x": {"low": 0.0, "high": 1.0},
    "learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
    "batch": [8, 16, 32],
    "widths": [[16], None, [32, 16]],
}


def tpe(**settings):
    return make_method(make_study(**{"method": "tpe", "trials": 12, "space": SPACE, **settings}))


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"method: tpe: needs optuna.*'hybrid-mtl\[search\]'"):
        tpe()


class TestWithOptuna:
    @pytest.fixture(autouse=True)
    def _optuna(self):
        pytest.importorskip("optuna")

    def distance(self, method):
        def train(segment):
            values = method.trials[segment.trial - 1].values
            return Result(-abs(values["x"] - 0.3))

        return train

    def test_values_are_of_the_space(self, recwarn):
        method = tpe()
        drive(method, self.distance(method))
        assert len(method.trials) == 12
        for trial in method.trials:
            assert 0 <= trial.values["x"] <= 1 and 1e-5 <= trial.values["learning_rate"] <= 1e-1
            assert trial.values["batch"] in (8, 16, 32) and trial.values["widths"] in (
                *([16], None, [32, 16]),
            )
        assert not [w for w in recwarn if "optuna" in str(w.filename)]

    def test_the_same_results_give_the_same_draws_and_others_do_not(self):
        first, second, other = tpe(), tpe(), tpe(seed=1)
        for method in (first, second, other):
            drive(method, self.distance(method))
        assert first.trials == second.trials != other.trials

    def test_draws_come_nearer_to_the_optimum(self):
        space = {"x": SPACE["x"]}
        method = tpe(trials=40, space=space)
        drive(method, self.distance(method))
        distances = [abs(trial.values["x"] - 0.3) for trial in method.trials]
        assert sum(distances[-10:]) < 0.5 * sum(distances[:10])

    def test_lower_losses_are_better(self):
        method = tpe(trials=40, space={"x": SPACE["x"]}, study_metric="eval_loss")
        drive(method, lambda s: Result(abs(method.trials[s.trial - 1].values["x"] - 0.3)))
        distances = [abs(trial.values["x"] - 0.3) for trial in method.trials]
        assert sum(distances[-10:]) < 0.5 * sum(distances[:10])

    def test_a_set_of_values_is_trained_with_every_seed_in_each_variant(self):
        method = tpe(trials=3, seeds=[5, 6], variants={"a": {}, "b": {}})
        results = drive(method, self.distance(method), parallel=3, last_first=True)
        assert len(results) == 12
        pairs = list(zip(method.trials[::2], method.trials[1::2], strict=True))
        assert [first.variant for first, _ in pairs] == ["a", "b"] * 3
        for first, second in pairs:
            assert (first.seed, second.seed) == (5, 6)
            assert (first.variant, first.values) == (second.variant, second.values)

    def test_the_sampler_learns_the_mean_over_seeds_and_omits_failed_runs(self):
        method = tpe(trials=3, seeds=[5, 6], space={"x": SPACE["x"]})
        scores = {1: 0.2, 2: 0.4, 3: None, 4: 0.9, 5: 0.5, 6: 0.5}
        drive(method, lambda s: Result(scores[s.trial]))
        (study,) = method._studies.values()
        assert [trial.value for trial in study.trials] == [pytest.approx(0.3), None, 0.5]
        assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]

    @pytest.mark.parametrize("count", [0, 7, 13])
    def test_a_search_goes_on_from_its_journal(self, tmp_path, count):
        def search():
            study = make_study(tmp_path, method="tpe", trials=14, space=SPACE, parallel=2)
            return Search(study, lambda trial, segment: segment)

        with pytest.raises(RuntimeError, match="power is lost"):
            broken = search()
            broken.run(Executor(self.distance(broken.method), ends_after=count))
        resumed = search()
        assert len(resumed.results) == count
        resumed.run(Executor(self.distance(resumed.method)))
        unbroken = tpe(trials=14)
        drive(unbroken, self.distance(unbroken), parallel=2)
        assert resumed.method.trials == unbroken.trials

"""Checks of a study before its first run."""

import pytest

from trainer.errors import InputError
from trainer.search.checks import check_runs
from trainer.search.methods import make_method
from trainer.search.space import read_space
from trainer.search.study import Study

TASK = {"kind": "classification", "labels": ["a", "b"], "dataset": "owner/name"}
RATES = {"low": 1e-6, "high": 1e-3, "log": True}


def check(space, **settings):
    settings = {"method": "random", "trials": 2, **settings}
    study = Study("s", {"tasks": {"t": TASK}}, "out", space=read_space(space), **settings)
    check_runs(study, make_method(study).trials)


def test_both_ends_of_ranges_are_checked_besides_the_values_that_are_drawn_first():
    check({"learning_rate": RATES, "tasks.t.dropout": {"low": 0, "high": 0.5}})
    # Of two values drawn, none is refused.
    with pytest.raises(InputError, match=r"tasks.t.dropout = 1.0000001: .*dropout"):
        check({"learning_rate": RATES, "tasks.t.dropout": {"low": 0, "high": 1.0000001}})
    with pytest.raises(InputError, match=r"weight_decay = -1e-09: .*weight_decay"):
        check({"weight_decay": {"low": -1e-9, "high": 0.5}})


def test_the_values_of_a_population_that_only_later_rounds_may_have_are_checked():
    settings = {"method": "pbt", "cycles": 20, "interval": 10}
    with pytest.raises(InputError, match="tasks.t.dropout = 1.5: .*dropout"):
        check({"tasks.t.dropout": [0.1, 0.2, 1.5]}, **settings, seed=1)


def test_a_misspelt_option_is_named_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'learning_rate'"):
        check({"learning_rat": RATES})
    with pytest.raises(InputError, match="Did you mean 'dropout'"):
        check({"tasks.t.dropot": [0.1, 0.2]})

"""Checks of a study before its first run."""

import pytest

from tests.toy_runs import toy_run
from trainer.config.parser import read_config
from trainer.errors import InputError
from trainer.search.checks import check_runs
from trainer.search.study import Study
from trainer.search.trials import Trial

CHOOSES = {"eval_strategy": "steps", "save_strategy": "steps", "load_best_model_at_end": True}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    return read_config(toy_run(tmp_path_factory.mktemp("checks"), 16, 8, max_steps=8))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"save_only_model": True}, "save_only_model"),
        ({**CHOOSES, "save_strategy": "best"}, "save_strategy = best"),
        ({**CHOOSES, "eval_steps": 3, "save_steps": 3}, "a multiple of eval_steps"),
        ({**CHOOSES, "eval_strategy": "epoch", "save_strategy": "epoch"}, "interval = 4"),
        ({**CHOOSES, "eval_steps": 4, "save_steps": 4, "early_stopping_patience": 2}, "early_stop"),
        ({**CHOOSES, "eval_steps": 4, "save_steps": 4, "lr_scheduler_type": "reduce_lr_on_plateau",
          "metric_for_best_model": "overall"}, "lr_scheduler_type"),
        ({"phases": [{"name": "a"}, {"name": "b"}]}, "phases"),
    ],
)  # fmt: skip
def test_what_cannot_be_paused_is_refused(options, changes, message):
    study = Study("s", {**options, **changes}, "out", interval=4)
    with pytest.raises(InputError, match=message):
        check_runs(study, [Trial(1, 42)])
    del study.options["output_dir"]
    study.interval = None
    check_runs(study, [Trial(1, 42)])  # without pauses it is not


def test_evaluations_that_fall_on_the_pauses_are_no_hindrance(options):
    study = Study("s", {**options, **CHOOSES, "eval_steps": 2, "save_steps": 2}, "out", interval=4)
    check_runs(study, [Trial(1, 42)])


def test_a_limit_of_time_goes_without_pauses(options):
    with pytest.raises(InputError, match="minutes"):
        check_runs(Study("s", options, "out", interval=4, minutes=1.0), [Trial(1, 42)])

import pytest

import trainer.evaluation.ordinal  # noqa: F401 (registers the mean absolute error)
from trainer.errors import InputError
from trainer.search.run import fingerprint
from trainer.search.study import Study

VARIANTS = {"all": {}, "mood": {}, "near": {}}


def study(**settings):
    return Study("s", {}, "out", **{"variants": VARIANTS, **settings})


@pytest.mark.parametrize(
    ("combined", "message"),
    [
        (["mood"], r"combined = \['mood'\]: expected NAME"),
        ({"apart": "mood"}, "combined: apart = 'mood': expected a new name"),
        ({"apart": {"mood": "mood"}}, "at least two tasks"),
        ({"all": {"mood": "mood", "near": "near"}}, "combined: all"),
        ({"apart": {"mood": "mood", "near": "naer"}}, "'naer' is none of the variants.*near"),
    ],
)
def test_a_wrong_combination_is_refused(combined, message):
    with pytest.raises(InputError, match=message):
        study(combined=combined)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "rya"}, "engine = 'rya': must be one of processes, ray"),
        ({"address": "auto"}, "address = auto: is of a Ray cluster; set engine: ray"),
    ],
)
def test_a_wrong_engine_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        study(**settings)


def test_what_the_report_alone_reads_may_change_later():
    changed = study(combined={"apart": {"mood": "mood", "near": "near"}}, baseline="near")
    assert fingerprint(changed) == fingerprint(study())
    assert fingerprint(study(engine="ray", address="auto")) == fingerprint(study())
    assert fingerprint(study(cycles=7)) != fingerprint(study())


@pytest.mark.parametrize(
    ("metric", "greater"),
    [
        ("eval_overall", True),
        ("eval_loss", False),
        ("eval_mood_loss", False),
        ("eval_mood_accuracy", True),
        ("eval_near_mae", False),
    ],
)
def test_the_direction_of_a_metric(metric, greater):
    assert study(study_metric=metric).greater_is_better is greater

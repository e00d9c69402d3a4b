import pytest

from trainer.errors import InputError
from trainer.objective.regularizers import (
    REGULARIZERS,
    Bregman,
    RDrop,
    RegularizerOptions,
    Smart,
    make_regularizers,
)

TASKS = ("mood", "near")


def make(**options):
    configs = dict.fromkeys(REGULARIZERS, RegularizerOptions(**options))
    return make_regularizers(configs, dict.fromkeys(TASKS, {}))


def test_weights_of_zero_make_nothing():
    assert make() == []
    assert make(smart_weight={}, rdrop_weight={"mood": 0}) == []


def test_each_weight_makes_its_regularizer_with_its_options():
    smart, bregman, rdrop = make(
        smart_weight={"mood": 2.0},
        smart_step_size=0.1,
        smart_radius=0.2,
        smart_noise=0.3,
        smart_steps=4,
        smart_norm="l2",
        bregman_weight=1.0,
        bregman_momentum=0.5,
        rdrop_weight=3,
    )
    assert isinstance(smart, Smart)
    assert (smart.step_size, smart.radius, smart.noise, smart.steps) == (0.1, 0.2, 0.3, 4)
    assert smart.norm == 2.0
    assert (smart.weight_of("mood"), smart.weight_of("near")) == (2.0, 0.0)
    assert isinstance(bregman, Bregman) and bregman.momentum == 0.5
    assert isinstance(rdrop, RDrop) and rdrop.weight_of("near") == 3
    assert [type(made) for made in make(rdrop_weight=1.0)] == [RDrop]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smart_weight": -1}, "smart_weight = -1: must be a number, 0 or more"),
        ({"smart_weight": {"moood": 1}}, "smart_weight: no task 'moood'.*Did you mean 'mood'"),
        (
            {"rdrop_weight": {"near": "much"}},
            "task 'near': rdrop_weight = 'much': must be a number",
        ),
        ({"bregman_weight": float("nan")}, "bregman_weight"),
        ({"bregman_weight": None}, "bregman_weight"),
        ({"smart_step_size": 0}, "smart_step_size = 0: must be a number above 0"),
        ({"smart_radius": -1e-5}, "smart_radius"),
        ({"smart_noise": "1e-5"}, "smart_noise"),
        ({"smart_steps": 0}, "smart_steps = 0: must be a whole number, 1 or more"),
        ({"smart_steps": 1.5}, "smart_steps"),
        ({"smart_norm": "l_2"}, "smart_norm = 'l_2': must be one of inf, l2.*Did you mean 'l2'"),
        ({"bregman_momentum": 1.0}, "bregman_momentum = 1.0: must be a number above 0 and below 1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(options, message):
    with pytest.raises(InputError, match=message):
        make(**options)

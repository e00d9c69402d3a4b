"""Pairwise learning of generalized population-based training."""

import math

import numpy as np
import pytest

from tests.search.methods.driving import RATE, make_study
from trainer.search.methods import make_method

SLOW = {"learning_rate": 1e-4, "weight_decay": 0.1, "tasks.a.dropout": 0.1}
FAST = {"learning_rate": 1e-2, "weight_decay": 0.5, "tasks.a.dropout": 0.5}
SPACE = {
    "learning_rate": RATE,
    "weight_decay": {"low": 0.0, "high": 1.0},
    "tasks.a.dropout": [0.1, 0.2, 0.3, 0.4, 0.5],
}


class Fixed:
    """Random numbers from a list."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def random(self):
        return self.numbers.pop(0)


def gpbt(space=SPACE, **options):
    settings = {"method": "gpbt", "trials": 4, "cycles": 20, "interval": 10, "space": space}
    return make_method(make_study(**settings, method_options={"resample": 0.0, **options}))


def test_the_first_step_goes_a_random_part_of_the_way_on_the_scale_of_each_range():
    # For each option: whether to draw anew, r1, r2.
    random = Fixed(0.9, 0.3, 0.5, 0.9, 0.3, 0.25, 0.9, 0.3, 0.5)
    explored = gpbt().explore(1, SLOW, FAST, random)
    assert explored["learning_rate"] == pytest.approx(1e-3)  # halfway between the logarithms
    assert explored["weight_decay"] == pytest.approx(0.2)
    assert explored["tasks.a.dropout"] == 0.3


def test_the_velocity_is_kept_with_inertia_and_added_to_the_attraction():
    method = gpbt({"weight_decay": SPACE["weight_decay"]}, inertia=0.5, attraction=2.0)
    slow, fast = {"weight_decay": 0.1}, {"weight_decay": 0.3}
    first = method.explore(1, slow, fast, Fixed(0.9, 0.7, 0.25))
    assert first["weight_decay"] == pytest.approx(0.2)  # v = 2 * 0.25 * 0.2 = 0.1
    second = method.explore(1, first, fast, Fixed(0.9, 0.6, 0.5))
    # v = 0.5 * 0.6 * 0.1 + 2 * 0.5 * 0.1 = 0.13
    assert second["weight_decay"] == pytest.approx(0.33)
    assert method.velocities[1]["weight_decay"] == pytest.approx(0.13)
    assert method.velocities[2]["weight_decay"] == 0


def test_values_stay_within_their_range():
    method = gpbt(attraction=9.0)
    fast = {"learning_rate": 1e-1, "weight_decay": 1.0, "tasks.a.dropout": 0.5}
    explored = method.explore(1, SLOW, fast, Fixed(*[0.9, 0.5, 0.9] * 3))
    assert explored == fast
    slow = {"learning_rate": 1e-6, "weight_decay": 0.0, "tasks.a.dropout": 0.1}
    explored = method.explore(2, fast, slow, Fixed(*[0.9, 0.5, 0.9] * 3))
    assert explored == pytest.approx(slow) and explored["weight_decay"] == 0


def test_values_are_drawn_anew_with_a_probability_and_keep_their_velocity():
    method = gpbt(resample=0.25)
    method.velocities[1]["learning_rate"] = 7.0
    random = np.random.default_rng(0)
    moved = 0
    for _ in range(400):
        before = method.velocities[1]["learning_rate"]
        rate = method.explore(1, SLOW, FAST, random)["learning_rate"]
        moved += method.velocities[1]["learning_rate"] != before
        assert 1e-6 <= rate <= 1e-1 and math.isfinite(rate)
    assert 270 < moved < 330

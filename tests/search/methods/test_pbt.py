"""The explore step of population-based training."""

import numpy as np
import pytest

from tests.search.methods.driving import RATE, make_study
from trainer.search.methods import make_method
from trainer.search.methods.pbt import perturb
from trainer.search.space import Choice, Range

SPACE = {"learning_rate": RATE, "tasks.a.dropout": [0.1, 0.2, 0.3]}


def pbt(**options):
    settings = {"method": "pbt", "trials": 4, "cycles": 20, "interval": 10, "space": SPACE}
    return make_method(make_study(**settings, method_options=options))


def explored(method, donor, seed):
    own = {"learning_rate": 9e-2, "tasks.a.dropout": 0.1}
    return method.explore(1, own, donor, np.random.default_rng(seed))


def test_numbers_are_multiplied_within_their_range():
    dimension = Range(1.0, 10.0)
    assert perturb(dimension, 5.0, up=True) == pytest.approx(6.0)
    assert perturb(dimension, 5.0, up=False) == pytest.approx(4.0)
    assert perturb(dimension, 9.0, up=True) == 10
    assert perturb(dimension, 1.1, up=False) == 1


def test_values_of_lists_move_to_a_neighbor():
    choice = Choice(("a", "b", "c"))
    assert [perturb(choice, value, up=True) for value in "abc"] == ["b", "c", "c"]
    assert [perturb(choice, value, up=False) for value in "abc"] == ["a", "a", "b"]


def test_both_directions_are_as_probable_and_start_from_the_donors_values():
    donor = {"learning_rate": 1e-3, "tasks.a.dropout": 0.2}
    found = [explored(pbt(resample=0.0), donor, seed) for seed in range(400)]
    rates = [values["learning_rate"] for values in found]
    assert {f"{rate:.2e}" for rate in rates} == {"8.00e-04", "1.20e-03"}
    assert 170 < sum(rate > 1e-3 for rate in rates) < 230
    assert {values["tasks.a.dropout"] for values in found} == {0.1, 0.3}


def test_values_are_drawn_anew_with_a_probability():
    donor = {"learning_rate": 1e-3, "tasks.a.dropout": 0.2}
    found = [explored(pbt(resample=0.25), donor, seed) for seed in range(400)]
    perturbed = [
        any(values["learning_rate"] == pytest.approx(x) for x in (8e-4, 1.2e-3)) for values in found
    ]
    assert 70 < 400 - sum(perturbed) < 130

"""Settings that search methods use or refuse."""

import pytest

from tests.search.methods.driving import make_study
from trainer.errors import InputError
from trainer.search.methods import METHODS, make_method
from trainer.search.methods.settings import check_share


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trials": 3}, "trials = 3: is not used by method: grid; unset it"),
        ({"method": "random"}, "trials: is missing, which method: random needs: the number of"),
        ({"method": "random", "trials": 3, "space": None}, "space: is missing"),
        ({"method": "random", "trials": 3, "interval": 9}, "interval = 9: is not used by"),
        ({"method_options": {"eta": 3}}, "unknown option 'eta'. Options of method: grid: none"),
        (
            {"method": "pbt", "method_options": {"quantil": 0.2}},
            "'quantil'. Did you mean 'quantile'.* Options of method: pbt: quantile, resample",
        ),
        (
            {"method": "gpbt", "method_options": {"inertia": "high"}},
            "method_options: inertia = 'high': must be a number",
        ),
        (
            {"method": "pbt", "method_options": {"quantile": 0.6}},
            "method_options: quantile = 0.6: must be from 0 to 0.5",
        ),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(InputError, match=message):
        make_method(make_study(**settings))


def test_nan_is_no_share():
    with pytest.raises(InputError, match="x = nan"):
        check_share("x", float("nan"))


def test_all_methods_are_registered():
    assert set(METHODS) == {"grid", "random", "tpe", "asha", "pbt", "gpbt", "schedule"}

"""The space of a study."""

import numpy as np
import pytest

from trainer.errors import InputError
from trainer.search.space import Choice, Range, grid_of, read_space


def test_a_range_with_steps_is_the_list_of_its_numbers():
    space = read_space(
        {
            "batch": {"low": 8, "high": 30, "step": 8},
            "dropout": {"low": 0.1, "high": 0.4, "step": 0.1},
        }
    )
    assert space == {"batch": Choice((8, 16, 24)), "dropout": Choice((0.1, 0.2, 0.3, 0.4))}
    assert all(isinstance(value, int) for value in space["batch"].values)


def test_positions_of_log_ranges_are_logarithms_and_stay_within_the_range():
    dimension = Range(1e-5, 1e-1, log=True)
    middle = (dimension.position(1e-5) + dimension.position(1e-1)) / 2
    assert dimension.at(middle) == pytest.approx(1e-3)
    assert (dimension.at(-1e9), dimension.at(1e9)) == (1e-5, 1e-1)


def test_positions_of_a_list_are_its_indices():
    choice = Choice(("a", "b", "c"))
    assert [choice.at(x) for x in (-3, 0.4, 0.6, 99)] == ["a", "a", "b", "c"]
    assert choice.position("c") == 2


def test_draws_are_uniform_on_the_scale_of_positions():
    random = np.random.default_rng(0)
    drawn = [Range(1e-4, 1.0, log=True).draw(random) for _ in range(1000)]
    assert min(drawn) >= 1e-4 and max(drawn) <= 1
    assert np.median(drawn) == pytest.approx(1e-2, rel=0.5)


@pytest.mark.parametrize(
    ("values", "is_ordered"),
    [
        ((1, 2.5, 3), True),
        ((3, 2), True),
        ((1, 3, 2), False),
        (("a", "b"), False),
        ((0, True), False),
    ],
)
def test_lists_of_increasing_or_decreasing_numbers_are_ordered(values, is_ordered):
    assert Choice(values).is_ordered is is_ordered


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "low = None: must be a number"),
        ({"low": 0, "high": float("nan")}, "high = nan: must be a number"),
        ({"low": 0, "high": 10**400}, "high = 1000.*: must be a number"),
        ({"low": 0, "high": 1, "step": 1e-320}, "makes more than 1000 values"),
        ({"low": 1, "high": 1}, "low = 1: must be below high = 1"),
        ({"low": 0, "high": 1, "log": True}, "low = 0: must be above 0 with log"),
        ({"low": 0, "high": 1, "step": 0}, "step = 0: must be above 0"),
        ({"low": 0, "high": 1, "step": "x"}, "step = 'x': must be a number"),
        ({"low": 1, "high": 2, "step": 1, "log": True}, "goes without log"),
        ({"low": 0, "high": 1, "step": 1e-4}, "makes more than 1000 values"),
        ({"low": 0, "hihg": 1}, "unknown field 'hihg'.* Did you mean 'high'"),
        ([], "the list has no values"),
        (3, "expected a list of values, or"),
    ],
)
def test_a_wrong_dimension_is_named(given, message):
    with pytest.raises(InputError, match=f"space: x.*{message}"):
        read_space({"x": given})


def test_grids_need_lists_of_different_values():
    assert grid_of(read_space({"x": [1, 2], "y": ["a"]})) == [
        {"x": 1, "y": "a"},
        {"x": 2, "y": "a"},
    ]
    with pytest.raises(InputError, match="space: x: a grid needs a list"):
        grid_of({"x": Range(0, 1)})
    with pytest.raises(InputError, match="space: x: 2 is listed twice"):
        grid_of(read_space({"x": [2, 1, 2]}))

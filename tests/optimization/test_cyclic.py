import re

import pytest
import torch
from torch.optim.lr_scheduler import CyclicLR

from trainer.optimization.cyclic import count_steps, cyclic


def test_triangles_by_hand():
    share = cyclic(0, 100, step_size_up=4, base_share=0.2)
    expected = [0.2, 0.4, 0.6, 0.8, 1.0, 0.8, 0.6, 0.4]
    assert [share(step) for step in range(16)] == pytest.approx(2 * expected)


def test_triangular2_halves_the_height_of_each_cycle():
    share = cyclic(0, 100, step_size_up=2, base_share=0.2, mode="triangular2")
    heights = [0, 0.4, 0.8, 0.4, 0, 0.2, 0.4, 0.2, 0, 0.1, 0.2, 0.1]
    assert [share(s) for s in range(12)] == pytest.approx([0.2 + height for height in heights])
    assert share(100_000) == 0.2  # after more cycles than a float has powers of two


def test_exp_range_shrinks_the_height_with_every_step():
    share = cyclic(0, 100, step_size_up=2, base_share=0.0, mode="exp_range", gamma=0.5)
    expected = [0, 0.5 / 2, 1 / 4, 0.5 / 8, 0, 0.5 / 32]
    assert [share(step) for step in range(6)] == pytest.approx(expected)


@pytest.mark.parametrize("mode", ["triangular", "triangular2"])
@pytest.mark.parametrize("down", [3, 7])
def test_rates_are_those_of_torch(mode, down):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    options = {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 5, "step_size_down": down}
    theirs = CyclicLR(optimizer, mode=mode, cycle_momentum=False, **options)
    share = cyclic(0, 50, step_size_up=5, step_size_down=down, base_share=0.1, mode=mode)
    for step in range(50):
        assert share(step) == pytest.approx(theirs.get_last_lr()[0]), step
        optimizer.step()
        theirs.step()


def test_sizes_below_one_are_shares_of_all_steps():
    by_share = cyclic(0, 50, step_size_up=0.1, step_size_down=0.05)
    by_number = cyclic(0, 50, step_size_up=5, step_size_down=3)
    assert [by_share(s) for s in range(50)] == [by_number(s) for s in range(50)]
    assert [count_steps(given, 50) for given in (0, 0.1, 0.99, 1, 7.0)] == [0, 5, 50, 1, 7]


def test_a_warm_up_leads_to_the_lowest_share():
    share = cyclic(4, 100, step_size_up=2, base_share=0.4)
    assert [share(s) for s in range(8)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.7, 1.0, 0.7])


def test_cycles_begin_after_a_warm_up_of_any_length():
    options = {"step_size_up": 2, "step_size_down": 3, "mode": "exp_range", "gamma": 0.9}
    early, late = cyclic(0, 100, **options), cyclic(3, 100, **options)
    assert [late(3 + step) for step in range(20)] == [early(step) for step in range(20)]


def test_a_cycle_rises_for_a_tenth_of_all_steps_if_nothing_is_said():
    share = cyclic(0, 100)
    assert [share(step) for step in (0, 5, 10, 15, 20)] == [0.25, 0.625, 1.0, 0.625, 0.25]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"mode": "triangle"}, "mode = 'triangle': must be one of triangular, triangular2, exp"),
        ({"base_share": 1.5}, "base_share = 1.5: must be a number from 0 to 1"),
        ({"base_share": "low"}, "base_share = 'low': must be a number from 0 to 1"),
        ({"step_size_up": 0}, "step_size_up = 0: must be a number above 0"),
        ({"step_size_up": float("nan")}, "step_size_up = nan: must be a number above 0"),
        ({"step_size_up": float("inf")}, "step_size_up = inf: must be a number above 0"),
        ({"step_size_down": "3"}, "step_size_down = '3': must be a number above 0"),
        ({"mode": "exp_range"}, "gamma: is required by mode exp_range"),
        ({"gamma": 0.9}, "has no effect in other modes"),
        ({"mode": "exp_range", "gamma": 2}, "gamma = 2: must be a number from 0 to 1"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cyclic(0, 10, **options)

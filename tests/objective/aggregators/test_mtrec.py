import pytest
import torch

from tests.objective.aggregators._asserts import aggregator_of, combined, flat, random_gradients
from trainer.errors import InputError


def vectors(*values):
    return [[torch.tensor(value)] for value in values]


def test_auxiliary_gradient_that_conflicts_loses_its_part_along_the_main_one():
    # Equation 1: 0.3 * (-4, 2) has the part (-1.2, 0) along (2, 0), and keeps (0, 0.6).
    aggregator = aggregator_of("mtrec", ["a", "c"])
    result = combined(aggregator, vectors([2.0, 0.0], [-4.0, 2.0]), ["a", "c"])
    torch.testing.assert_close(result, torch.tensor([2.0, 0.6]))


def test_auxiliary_gradient_without_conflict_is_added_as_it_is():
    # Equation 2: (2, 0) + 0.3 * (4, 2)
    aggregator = aggregator_of("mtrec", ["a", "c"])
    result = combined(aggregator, vectors([2.0, 0.0], [4.0, 2.0]), ["a", "c"])
    torch.testing.assert_close(result, torch.tensor([3.2, 0.6]))


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_several_tasks_of_both_groups_are_summed_before_they_are_compared(flip):
    tasks = ["m1", "x1", "m2", "x2"]
    gradients = random_gradients(4, tasks=4)
    torch._foreach_mul_(gradients[1], flip)
    torch._foreach_mul_(gradients[3], flip)
    main = flat(gradients[0]) + flat(gradients[2])
    auxiliary = 0.7 * (flat(gradients[1]) + flat(gradients[3]))
    product = auxiliary @ main
    if product < 0:
        auxiliary = auxiliary - product / (main @ main) * main
    aggregator = aggregator_of("mtrec", tasks, auxiliary_tasks=["x2", "x1"], auxiliary_scale=0.7)
    torch.testing.assert_close(combined(aggregator, gradients, tasks), main + auxiliary)


def test_both_branches_are_among_the_cases_above():
    gradients = random_gradients(4, tasks=4)
    main = flat(gradients[0]) + flat(gradients[2])
    assert abs((flat(gradients[1]) + flat(gradients[3])) @ main) > 1


def test_a_step_without_one_of_the_groups():
    a, b, c = gradients = random_gradients()
    aggregator = aggregator_of("mtrec")
    assert torch.equal(combined(aggregator, [a, b], ["a", "b"]), flat(a) + flat(b))
    torch.testing.assert_close(combined(aggregator, [c], ["c"]), 0.3 * flat(c))
    assert torch.equal(combined(aggregator, gradients[:1], ["a"]), flat(a))


def test_rounding_is_not_taken_for_a_main_gradient_where_the_main_tasks_cancel_out():
    more = 1.0000001
    products = torch.tensor([[1, -more, 0.5], [-more, 1, -0.5 * more], [0.5, -0.5 * more, 1]])
    main, other, auxiliary = aggregator_of("mtrec").weights(products, ["a", "b", "c"]).tolist()
    assert 1 <= main < 2
    assert main == other
    assert auxiliary == pytest.approx(0.3)


def test_short_gradients_conflict_like_long_ones():
    products = torch.tensor([[4.0, -8.0], [-8.0, 20.0]])
    aggregator = aggregator_of("mtrec", ["a", "c"])
    usual, short = (aggregator.weights(products * size, ["a", "c"]) for size in (1.0, 1e-10))
    torch.testing.assert_close(short, usual)


def test_main_tasks_by_name():
    aggregator = aggregator_of("mtrec", main_tasks=["a"], auxiliary_tasks=["b", "c"])
    gradients = vectors([1.0, 0.0], [0.0, 1.0], [0.0, 2.0])
    torch.testing.assert_close(combined(aggregator, gradients), torch.tensor([1.0, 0.9]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"auxiliary_tasks": None}, "auxiliary_tasks: .* at least one"),
        ({"auxiliary_tasks": []}, "auxiliary_tasks: .* at least one"),
        ({"auxiliary_tasks": ["a", "b", "c"]}, "main_tasks: .* at least one"),
        ({"main_tasks": ["a"]}, "task 'b' is neither main nor auxiliary"),
        ({"auxiliary_scale": 0.0}, "auxiliary_scale = 0.0"),
        ({"auxiliary_scale": float("nan")}, "auxiliary_scale = nan"),
    ],
)
def test_options_that_it_cannot_work_with(options, words):
    with pytest.raises(InputError, match=words):
        aggregator_of("mtrec", **options)

import pytest
import torch

from tests.objective.aggregators._asserts import (
    TASKS,
    aggregator_of,
    assert_finite_with_zero_gradients,
    assert_global_random_numbers_untouched,
    assert_lone_gradient_is_left_alone,
    assert_overwrites_the_first_list_only,
    assert_resumes_exactly,
    combined,
    random_gradients,
)
from trainer.errors import InputError
from trainer.objective.aggregators import AGGREGATORS, AggregatorOptions, make_aggregator
from trainer.objective.aggregators.base import GramianAggregator, weighted_sum

KEEP_STATE = {"pcgrad", "gradvac", "graddrop", "random", "nash_mtl"}


@pytest.mark.parametrize("name", AGGREGATORS)
def test_storage_and_other_lists(name):
    assert_overwrites_the_first_list_only(aggregator_of(name), random_gradients())


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_single_task(name):
    assert_lone_gradient_is_left_alone(aggregator_of(name), random_gradients())


@pytest.mark.parametrize("name", AGGREGATORS)
def test_zero_gradients(name):
    assert_finite_with_zero_gradients(aggregator_of(name), random_gradients())


@pytest.mark.parametrize("name", AGGREGATORS)
def test_the_same_on_every_process_and_no_effect_on_other_draws(name):
    first, second = aggregator_of(name, seed=4), aggregator_of(name, seed=4)
    for seed in range(3):
        gradients = random_gradients(seed)
        assert_global_random_numbers_untouched(first, gradients)
        torch.rand(seed + 1)
        combined(second, gradients)
    assert torch.equal(combined(first, gradients), combined(second, gradients))


@pytest.mark.parametrize("name", AGGREGATORS)
def test_state(name):
    assert_resumes_exactly(lambda: aggregator_of(name, seed=2))
    assert bool(aggregator_of(name).state_dict()) == (name in KEEP_STATE)


@pytest.mark.parametrize("name", AGGREGATORS)
def test_the_direction_depends_on_the_lengths_of_gradients_unless_declared(name):
    directions = []
    for factors in ((1.0, 1.0, 1.0), (1.0, 10.0, 0.3)):
        scaled = [
            [factor * tensor for tensor in gradient]
            for factor, gradient in zip(factors, random_gradients(), strict=True)
        ]
        directions.append(
            torch.nn.functional.normalize(combined(aggregator_of(name), scaled), dim=0)
        )
    is_same = torch.allclose(*directions, atol=1e-3)
    assert is_same == aggregator_of(name).scale_invariant


@pytest.mark.parametrize("name", [name for name in AGGREGATORS if name != "graddrop"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(name, dtype):
    usual = combined(aggregator_of(name), random_gradients())
    found = combined(aggregator_of(name), random_gradients(dtype=dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), usual, rtol=0.05, atol=0.1)


@pytest.mark.parametrize("name", AGGREGATORS)
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3])
def test_the_direction_does_not_depend_on_the_size_of_all_gradients(name, scale):
    """Nor does the length of a bargain: Nash-MTL and FairGrad solve G w = 1 / w."""
    gradients = random_gradients(4)
    scaled = [[tensor * scale for tensor in own] for own in gradients]
    usual, found = combined(aggregator_of(name), gradients), combined(aggregator_of(name), scaled)
    expected = usual if name in ("nash_mtl", "fairgrad") else usual * scale
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.norm()))


@pytest.mark.parametrize("name", [name for name in AGGREGATORS if name != "sum"])
def test_no_aggregator_is_the_plain_sum_on_conflicting_gradients(name):
    gradients = random_gradients(1)
    plain = combined(aggregator_of("sum"), gradients)
    assert not torch.allclose(combined(aggregator_of(name), gradients), plain, rtol=1e-2)


def test_state_of_another_aggregator_is_refused():
    with pytest.raises(ValueError, match="not of Sum"):
        make_aggregator("sum", TASKS).load_state_dict({"step": 3})


def test_an_unknown_aggregator_is_refused_with_the_nearest_name():
    with pytest.raises(
        InputError, match="aggregator = 'pcgard': must be one of .*Did you mean 'pcgrad'"
    ):
        make_aggregator("pcgard", TASKS)


@pytest.mark.parametrize("option", ["main_tasks", "auxiliary_tasks"])
def test_an_unknown_task_is_answered_with_the_nearest(option):
    with pytest.raises(InputError, match=f"{option}: .*'mod'.*Did you mean 'mood'"):
        make_aggregator("sum", ["mood", "same"], AggregatorOptions(**{option: ["mod"]}))


def test_a_task_in_both_groups_is_refused():
    options = AggregatorOptions(main_tasks=["a", "b"], auxiliary_tasks=["b", "c"])
    with pytest.raises(InputError, match="task 'b': is in main_tasks and in auxiliary_tasks"):
        make_aggregator("mtrec", TASKS, options)


def test_weights_of_a_device_weigh_as_plain_numbers_do():
    weights = [0.5, -2.0, 3.0]
    usual = weighted_sum(random_gradients(), weights)
    kept = random_gradients()
    found = weighted_sum(kept, [torch.tensor(weight) for weight in weights])
    torch.testing.assert_close(found, usual)
    assert all(torch.equal(a, b) for a, b in zip(kept[1], random_gradients()[1], strict=True))


def test_weights_of_another_length_are_refused():
    class Short(GramianAggregator):
        def weights(self, gramian, tasks):
            return gramian.new_ones(len(tasks) - 1)

    aggregator = Short(TASKS, AggregatorOptions())
    with pytest.raises(InputError, match=r"aggregator Short: weights: expected the shape \(3,\)"):
        combined(aggregator, random_gradients())

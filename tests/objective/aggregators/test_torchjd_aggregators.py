import sys

import pytest
import torch

from tests.objective.aggregators._asserts import (
    TASKS,
    aggregator_of,
    combined,
    flat,
    matrix,
    random_gradients,
    torchjd_class,
)
from trainer.errors import InputError
from trainer.objective.aggregators import make_aggregator
from trainer.objective.aggregators.step_seed import StepSeed

AGGREGATORS = {
    "pcgrad": ("PCGrad", {}),
    "mgda": ("MGDA", {}),
    "aligned_mtl": ("AlignedMTL", {}),
    "imtl_g": ("IMTLG", {}),
    "random": ("Random", {}),
    "gradvac": ("GradVac", {}),
    "graddrop": ("GradDrop", {}),
    "upgrad": ("UPGrad", {}),
    "dualproj": ("DualProj", {}),
    "cagrad": ("CAGrad", {"c": 0.4}),
    "fairgrad": ("FairGrad", {"alpha": 1.0}),
    "nash_mtl": ("NashMTL", {"n_tasks": 3, "max_norm": 0.0}),
}


def published_pcgrad(gradients, orders):
    """Algorithm 1 of https://arxiv.org/abs/2001.06782, on the gradients themselves."""
    projected = []
    for i, gradient in enumerate(gradients):
        own = gradient.clone()
        for j in orders[i]:
            product = own @ gradients[j]
            if j != i and product < 0:
                own = own - product / gradients[j].norm() ** 2 * gradients[j]
        projected.append(own)
    return torch.stack(projected).sum(0)


@pytest.mark.parametrize("seed", range(5))
def test_pcgrad_is_the_published_algorithm(seed):
    gradients = random_gradients(seed, tasks=4)
    with StepSeed(seed).next_step():
        orders = [torch.randperm(4).tolist() for _ in range(4)]
    found = combined(aggregator_of("pcgrad", list("abcd"), seed=seed), gradients, list("abcd"))
    stacked = matrix(gradients)
    torch.testing.assert_close(found, published_pcgrad(stacked, orders))
    assert not torch.allclose(found, stacked.sum(0), rtol=1e-2)


def test_pcgrad_depends_on_the_order_that_is_drawn():
    gradients = [[torch.tensor(v)] for v in ([1.0, 0.0], [-1.0, 1.0], [-1.0, -2.0])]
    aggregator = aggregator_of("pcgrad")
    found = {tuple(combined(aggregator, gradients).tolist()) for _ in range(10)}
    assert len(found) > 1


def test_pcgrad_without_conflict_is_the_sum_to_the_last_bit():
    gradients = [[tensor.abs() for tensor in gradient] for gradient in random_gradients()]
    aggregator, plain = aggregator_of("pcgrad"), aggregator_of("sum")
    assert torch.equal(combined(aggregator, gradients), combined(plain, gradients))


@pytest.mark.parametrize("name", AGGREGATORS)
def test_result_is_that_of_torchjd_on_the_stacked_gradients(name):
    aggregator = aggregator_of(name, seed=7)
    class_name, arguments = AGGREGATORS[name]
    theirs = torchjd_class(class_name)(**arguments)
    step_seed = StepSeed(7)
    for seed in range(3):
        gradients = random_gradients(seed, dtype=torch.float64)
        with step_seed.next_step():
            expected = theirs(matrix(gradients))
        # The solvers stop when near enough, not at the same last digit.
        torch.testing.assert_close(combined(aggregator, gradients), expected, rtol=1e-3, atol=1e-4)
        assert expected.norm() > 1e-2


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_step_may_have_fewer_tasks_in_another_order(name):
    full, small = aggregator_of(name), aggregator_of(name, ["c", "a"])
    for seed in range(3):
        gradients = random_gradients(seed, tasks=2)
        found = combined(full, gradients, ["c", "a"])
        torch.testing.assert_close(found, combined(small, gradients, ["c", "a"]))


@pytest.mark.parametrize("name", ["mgda", "pcgrad", "gradvac", "nash_mtl"])
def test_gradients_that_are_not_finite_show_and_leave_no_trace(name):
    aggregator, undisturbed = aggregator_of(name), aggregator_of(name)
    broken = random_gradients(9)
    broken[1][0][0, 0] = torch.inf
    assert combined(aggregator, broken).isnan().any()
    gradients = random_gradients(1)
    assert torch.equal(combined(aggregator, gradients), combined(undisturbed, gradients))


@pytest.mark.parametrize("name", ["mgda", "nash_mtl"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchjd", None)
    wanted = {"mgda": "torchjd", "nash_mtl": r"torchjd\[nash-mtl\]"}[name]
    with pytest.raises(InputError, match=f"'{name}': .*pip install \"{wanted}\""):
        make_aggregator(name, TASKS)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    with pytest.raises(InputError, match=r"'cagrad': .*pip install \"torchjd\[cagrad\]\""):
        make_aggregator("cagrad", TASKS)


def test_weights_do_not_depend_on_how_the_gradients_are_split_into_tensors():
    gradients = random_gradients()
    whole = [[flat(gradient)] for gradient in gradients]
    aggregator, other = aggregator_of("mgda"), aggregator_of("mgda")
    torch.testing.assert_close(combined(aggregator, gradients), combined(other, whole))

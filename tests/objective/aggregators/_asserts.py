"""Gradients to try aggregators on, and what must hold of every aggregator."""

from importlib import import_module

import pytest
import torch

from trainer.objective.aggregators import AggregatorOptions, gramian, make_aggregator

TASKS = ["a", "b", "c"]
SHAPES = [(3, 4), (5,), (2, 2, 2), (1,)]
# What an aggregator needs besides torchjd.
PACKAGES = {
    "upgrad": ["qpsolvers", "quadprog"],
    "dualproj": ["qpsolvers", "quadprog"],
    "cagrad": ["cvxpy", "clarabel"],
    "nash_mtl": ["cvxpy", "ecos"],
    "fairgrad": ["scipy"],
}


def random_gradients(seed=0, tasks=3, dtype=torch.float32):
    """Gradients of about the same length, in all directions: some pairs conflict."""
    generator = torch.Generator().manual_seed(seed)
    return [
        [torch.randn(shape, generator=generator).to(dtype) for shape in SHAPES]
        for _ in range(tasks)
    ]


def copies(gradients):
    return [[tensor.clone() for tensor in gradient] for gradient in gradients]


def matrix(gradients):
    """(K, D)"""
    return torch.stack([torch.cat([t.reshape(-1) for t in gradient]) for gradient in gradients])


def flat(gradient):
    return torch.cat([tensor.reshape(-1) for tensor in gradient])


def aggregator_of(name, tasks=TASKS, **options):
    """The aggregator, with `c` as auxiliary task if it wants one; skips if a package is missing."""
    for package in PACKAGES.get(name, []):
        pytest.importorskip(package)
    if name == "mtrec":
        options = {"auxiliary_tasks": ["c"], **options}
    return make_aggregator(name, tasks, AggregatorOptions(**options))


def combined(aggregator, gradients, tasks=None):
    """The aggregator's result (D,), leaving the gradients as they are."""
    tasks = TASKS[: len(gradients)] if tasks is None else tasks
    return flat(aggregator.combine(copies(gradients), tasks, gramian(gradients)))


def assert_overwrites_the_first_list_only(aggregator, gradients):
    given = copies(gradients)
    result = aggregator.combine(given, TASKS, gramian(given))
    assert [t.data_ptr() for t in result] == [t.data_ptr() for t in given[0]]
    assert [t.shape for t in result] == [t.shape for t in gradients[0]]
    for own, before in zip(given[1:], gradients[1:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(own, before, strict=True))


def assert_lone_gradient_is_left_alone(aggregator, gradients):
    given = copies(gradients[:1])
    result = aggregator.combine(given, TASKS[:1], gramian(given))
    assert [t.data_ptr() for t in result] == [t.data_ptr() for t in given[0]]
    assert torch.equal(flat(result), flat(gradients[0]))


def assert_finite_with_zero_gradients(aggregator, gradients):
    for zeros in ([1], [0, 2], [0, 1, 2]):
        given = copies(gradients)
        for task in zeros:
            torch._foreach_zero_(given[task])
        result = combined(aggregator, given)
        assert result.isfinite().all()
        if len(zeros) == 3:
            assert not result.any()


def assert_global_random_numbers_untouched(aggregator, gradients):
    before = torch.get_rng_state()
    combined(aggregator, gradients)
    assert torch.equal(torch.get_rng_state(), before)


def assert_resumes_exactly(make, steps=3):
    """An aggregator restored from a checkpoint of another gives the same next results."""
    original = make()
    for seed in range(steps):
        combined(original, random_gradients(seed))
    restored = make()
    state = original.state_dict()
    assert_plain(state)
    restored.load_state_dict(state)
    for seed in range(steps, 2 * steps):
        gradients = random_gradients(seed)
        assert torch.equal(combined(original, gradients), combined(restored, gradients))


def assert_plain(state):
    assert all(isinstance(value, (torch.Tensor, int, float)) for value in state.values())


def torchjd_class(name):
    return getattr(import_module("torchjd.aggregation"), name)

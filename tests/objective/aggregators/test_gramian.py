import math

import pytest
import torch

from tests.objective.aggregators._asserts import matrix, random_gradients
from trainer.objective.aggregators import cosines, gramian
from trainer.objective.aggregators.gramian import chunks


@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_gramian_holds_the_inner_products_of_the_stacked_gradients(tasks):
    gradients = random_gradients(tasks=tasks)
    stacked = matrix(gradients)
    found = gramian(gradients)
    torch.testing.assert_close(found, stacked @ stacked.T)
    assert torch.equal(found, found.T)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_gramian_of_half_precision_neither_overflows_nor_rounds(dtype):
    gradients = [[torch.full((1000,), 300.0, dtype=dtype)], [torch.ones(1000, dtype=dtype)]]
    found = gramian(gradients)
    assert found.dtype == torch.float32
    assert found[0, 0] == 9e7
    assert found[0, 1] == 3e5


def test_gramian_keeps_double_precision():
    assert gramian(random_gradients(dtype=torch.float64)).dtype == torch.float64


def test_gramian_pairs_entries_whatever_their_layout_in_memory():
    x, y = torch.randn(3, 4), torch.randn(3, 4)
    transposed = y.T.contiguous().T
    torch.testing.assert_close(gramian([[x], [transposed]])[0, 1], (x * y).sum())


@pytest.mark.parametrize("length", [1.0, 1e-4])
def test_cosines_of_known_angles(length):
    gradients = [[length * torch.tensor(v)] for v in ([2.0, 0.0], [-3.0, 3.0], [0.0, 1.0])]
    half = 1 / math.sqrt(2)
    expected = [[1, -half, 0], [-half, 1, half], [0, half, 1]]
    torch.testing.assert_close(cosines(gramian(gradients)), torch.tensor(expected))


def test_cosines_with_a_zero_gradient_are_zero():
    gradients = [[torch.tensor([2.0, 0.0])], [torch.zeros(2)]]
    assert cosines(gramian(gradients)).tolist() == [[1, 0], [0, 0]]


def test_cosines_stay_within_their_range():
    gradients = random_gradients(tasks=1) * 2
    assert cosines(gramian(gradients)).max() <= 1


@pytest.mark.parametrize("entries", [1, 9, 1000])
def test_pieces_hold_whole_parameters_one_after_the_other(entries):
    gradients = random_gradients(tasks=3)
    found = list(chunks(gradients, entries))
    assert all(len(piece) == 3 and piece[0].numel() >= entries for piece in found[:-1])
    joined = torch.stack([torch.cat(own) for own in zip(*found, strict=True)])
    assert torch.equal(joined, matrix(gradients))
    assert len(found) == {1: len(gradients[0]), 1000: 1}.get(entries, len(found))

import pytest
import torch

from tests.objective.aggregators._asserts import aggregator_of, combined, matrix, random_gradients


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_entry_is_the_sum_of_one_sign(dtype):
    gradients = random_gradients(dtype=dtype)
    stacked = matrix(gradients)
    positive, negative = stacked.clamp(min=0).sum(0), stacked.clamp(max=0).sum(0)
    found = combined(aggregator_of("graddrop"), gradients)
    assert found.dtype == dtype
    torch.testing.assert_close(torch.where(found > 0, positive, negative), found, rtol=0.02, atol=0)


def test_signs_are_drawn_in_proportion_to_their_purity():
    gradients = [[torch.full((2000,), 3.0)], [torch.full((2000,), -1.0)]]
    found = combined(aggregator_of("graddrop"), gradients)
    assert set(found.tolist()) == {3.0, -1.0}
    assert abs((found == 3.0).float().mean().item() - 0.75) < 0.05


def test_steps_draw_anew():
    aggregator, gradients = aggregator_of("graddrop"), random_gradients()
    assert not torch.equal(combined(aggregator, gradients), combined(aggregator, gradients))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_draws_and_adds_like_single(dtype):
    gradients = random_gradients(dtype=dtype)
    wide = [[tensor.float() for tensor in own] for own in gradients]
    expected = combined(aggregator_of("graddrop"), wide).to(dtype)
    assert torch.equal(combined(aggregator_of("graddrop"), gradients), expected)

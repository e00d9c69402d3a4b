"""Adding up a task's gradients over the batches of a step."""

import pytest
import torch

from trainer.objective.collect import _added

DENSE = torch.tensor([[1.0, 2.0], [0.0, 0.0]])


@pytest.mark.parametrize("gradient", [DENSE, DENSE.to_sparse(1)], ids=["dense", "rows"])
def test_a_gradient_beside_none_is_itself(gradient):
    assert _added(None, gradient) is gradient
    assert _added(gradient, None) is gradient
    assert _added(None, None) is None


def test_rows_are_added_and_dense_gradients_were_already():
    rows, more = DENSE.to_sparse(1), torch.tensor([[0.0, 1.0], [3.0, 0.0]]).to_sparse(1)
    expected = torch.tensor([[1.0, 3.0], [3.0, 0.0]])
    assert torch.equal(_added(rows, more).to_dense(), expected)
    assert _added(DENSE, torch.ones(2, 2)) is DENSE

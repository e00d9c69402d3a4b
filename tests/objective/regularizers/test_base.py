"""What holds for every regularizer."""

from types import SimpleNamespace

import pytest
import torch

from trainer.errors import InputError
from trainer.objective.regularizers import Regularizer

BATCH = {"input_ids": torch.ones(2, 3)}
OUTPUT = SimpleNamespace(embeddings=torch.ones(2, 4))


class PerRow(Regularizer):
    """A regularizer whose author forgot the mean over rows."""

    name = "per_row"

    def weighted_term(self, weight, model, task, batch, output):
        return weight * output.embeddings.norm(dim=-1)


def test_a_term_that_is_no_scalar_is_refused_by_name():
    with pytest.raises(InputError, match=r"regularizer 'per_row': .* the shape \(2,\)"):
        PerRow(1.0).term(None, "mood", BATCH, OUTPUT)


def test_a_weight_of_zero_computes_nothing():
    assert PerRow({"other": 1.0}).term(None, "mood", BATCH, OUTPUT) == 0

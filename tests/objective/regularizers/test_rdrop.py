from itertools import pairwise

import pytest
import torch

from tests.modeling.toy_models import TASKS, counted_calls, toy_model
from tests.objective.regularizers.batches import forward_and_term, has_gradient, toy_batch
from trainer.objective.regularizers import RDrop, divergence, symmetric_kl


@pytest.mark.parametrize("task", TASKS)
def test_term_is_zero_without_dropout(task):
    assert forward_and_term(RDrop(4.0), toy_model().eval(), task)[1] == 0


@pytest.mark.parametrize("task", TASKS)
def test_loss_and_term_are_the_mean_loss_and_the_divergence_of_two_passes(task):
    model, batch = toy_model().train(), toy_batch(task)
    torch.manual_seed(3)
    output, term = forward_and_term(RDrop(4.0), model, task, batch)
    torch.manual_seed(3)
    first, second = model(**batch, task=task), model(**batch, task=task)
    apart = divergence(model.config.task(task), first.logits, second.logits, batch["labels"])
    assert apart > 0
    expected = (first.loss + second.loss) / 2 + 4.0 * apart / 2
    torch.testing.assert_close(output.loss + term, expected)


def test_training_with_it_draws_the_passes_together():
    def apart(weight):
        model, batch = toy_model().train(), toy_batch("mood")
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
        for _ in range(20):
            output, term = forward_and_term(RDrop(weight), model, "mood", batch)
            (output.loss + term).backward()
            assert has_gradient(model.get_input_embeddings().weight.grad)
            optimizer.step()
            optimizer.zero_grad()
        logits = [model(**batch, task="mood").logits for _ in range(10)]
        return sum(symmetric_kl(a, b).item() for a, b in pairwise(logits))

    assert apart(100.0) < 0.3 * apart(1e-9)


def test_a_task_of_weight_zero_has_no_second_pass():
    model, batch = toy_model().train(), toy_batch("stars")
    output = model(**batch, task="stars")
    with counted_calls(model) as calls:
        assert RDrop({"mood": 1.0}).term(model, "stars", batch, output) == 0
    assert not calls

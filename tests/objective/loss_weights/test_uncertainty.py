import math

import pytest
import torch

from modeling_hybrid_mtl import TaskConfig
from tests.toys import toy_trainer, whole_and_resumed
from trainer.errors import InputError
from trainer.objective.loss_weights.uncertainty import UncertaintyWeights
from trainer.optimization import learning_rates

TASKS = {
    "mood": TaskConfig.from_entry("mood", {"kind": "classification", "labels": ["a", "b"]}),
    "stars": TaskConfig.from_entry("stars", {"kind": "regression", "score_range": [0, 5]}),
}


@pytest.mark.parametrize("task, factor", [("mood", 1.0), ("stars", 0.5)])
def test_the_loss_and_the_weights_gradient_are_the_papers(task, factor):
    weights = UncertaintyWeights(TASKS)
    with torch.no_grad():
        weights.log_variances[task].fill_(0.7)
    loss = torch.tensor(3.0, requires_grad=True)
    weighted = weights(task, loss)
    assert weighted.item() == pytest.approx(factor * math.exp(-0.7) * 3.0 + 0.35)
    weighted.backward()
    assert loss.grad.item() == pytest.approx(factor * math.exp(-0.7))
    expected = -factor * math.exp(-0.7) * 3.0 + 0.5
    assert weights.log_variances[task].grad.item() == pytest.approx(expected)


@pytest.mark.parametrize("optimizer_layout", ["siloed", "single", "per_task", "overlapping"])
def test_weights_are_learned_in_a_group_of_their_own_and_logged(tmp_path, optimizer_layout):
    options = {
        "loss_weights": "uncertainty",
        "loss_weights_learning_rate": 0.05,
        "optimizer_layout": optimizer_layout,
    }
    trainer = toy_trainer(tmp_path, lr_scheduler_type="constant", learning_rate=1e-3, **options)
    trainer.train()
    assert learning_rates(trainer.optimizer)["loss_weights"] == 0.05
    logged = [e for e in trainer.state.log_history if "loss_weight/near" in e]
    # The squared error of scores from 0 to 5 is by far the largest loss: it is weighed down.
    assert logged[-1]["loss_weight/near"] < logged[0]["loss_weight/near"] < 0.5
    assert set(logged[0]) >= {"loss_weight/mood", "loss_weight/same", "loss_weight/near"}


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    whole, again = whole_and_resumed(tmp_path, loss_weights="uncertainty")
    for part in ("model", "loss_weights"):
        first, second = getattr(whole, part), getattr(again, part)
        for a, b in zip(first.parameters(), second.parameters(), strict=True):
            assert torch.equal(a, b)


def test_the_saved_model_and_the_evaluation_know_nothing_of_it(tmp_path):
    plain, weighted = toy_trainer(tmp_path), toy_trainer(tmp_path, loss_weights="uncertainty")
    assert plain.evaluate()["eval_loss"] == weighted.evaluate()["eval_loss"]
    assert not [name for name in weighted.model.state_dict() if "variance" in name]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"loss_weights": "learned"}, "loss_weights = 'learned': must be one of fixed, uncerta"),
        (
            {"loss_weights_learning_rate": 0.1},
            "loss_weights_learning_rate = 0.1: has no effect with",
        ),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        toy_trainer(tmp_path, **options)

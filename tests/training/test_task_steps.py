"""The forward and backward passes of a step."""

from collections import Counter

import pytest
import torch

from tests.toys import toy_trainer, whole_and_resumed
from trainer.errors import InputError


def passes_of_each_step(trainer, steps):
    """How often the encoder is called in each step."""
    calls = Counter()
    encoder = trainer.model.backbone
    encoder.register_forward_pre_hook(lambda *_: calls.update([trainer.state.global_step]))
    trainer.args.max_steps = steps
    trainer.train()
    return [calls[step] for step in range(steps)]


def test_a_cycle_is_one_pass_but_when_gradients_are_measured(tmp_path):
    assert passes_of_each_step(toy_trainer(tmp_path, logging_steps=3), 5) == [3, 1, 1, 3, 1]
    by_batch = toy_trainer(tmp_path, logging_steps=3, step_every="batch")
    assert passes_of_each_step(by_batch, 4) == [1, 1, 1, 1]


@pytest.mark.parametrize("option", [{"aggregator": "pcgrad"}, {"gradient_cosines": True}])
def test_tasks_take_passes_of_their_own_where_their_gradients_are_needed(tmp_path, option):
    assert passes_of_each_step(toy_trainer(tmp_path, logging_steps=3, **option), 2) == [3, 3]


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # of embeddings, as it should
def test_an_encoder_that_pads_keeps_one_tasks_activations_at_a_time(tmp_path):
    trainer = toy_trainer(tmp_path, logging_steps=100, max_steps=2)
    trainer.model.unpadding = False
    events = []
    encoder = trainer.model.backbone
    encoder.register_forward_pre_hook(lambda *_: events.append("forward"))
    encoder.embeddings.register_full_backward_hook(lambda *_: events.append("backward"))
    trainer.train()
    assert events == ["forward", "backward"] * 6


def test_activations_computed_again_are_those_of_the_tasks_own_adapter(tmp_path):
    weights = []
    for again in (False, True):
        options = {"trainable": "adapters", "logging_steps": 100, "activation_checkpointing": again}
        trainer = toy_trainer(tmp_path / str(again), max_steps=4, **options)
        trainer.train()
        weights.append(trainer.model.state_dict())
    for key, weight in weights[0].items():
        torch.testing.assert_close(weights[1][key], weight, msg=key)


def test_a_run_that_goes_on_takes_the_same_passes(tmp_path):
    whole, again = whole_and_resumed(tmp_path, logging_steps=4, eval_strategy="no")
    for ours, theirs in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_batch_moves_its_own_head_and_the_backbone_only(tmp_path):
    trainer = toy_trainer(tmp_path, step_every="batch", max_steps=1, weight_decay=0.1)
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    trainer.train()
    moved = {n for n, p in trainer.model.named_parameters() if not torch.equal(p, before[n])}
    assert any(name.startswith("backbone.") for name in moved)
    assert {n for n in moved if n.startswith("heads.")} == {
        "heads.mood.layers.1.weight",
        "heads.mood.layers.1.bias",
    }


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        (lambda logits: logits.sum(dim=-1), r"shape \(4,\)"),
        (lambda logits: torch.tensor(1.0), r"shape \(\)"),
        (lambda logits: None, "None"),
    ],
)
def test_a_loss_that_cannot_be_differentiated_is_named(tmp_path, monkeypatch, loss, found):
    trainer = toy_trainer(tmp_path, max_steps=1)
    head = trainer.model.heads["mood"]
    monkeypatch.setattr(head, "loss", lambda logits, labels, weights: loss(logits))
    with pytest.raises(InputError, match=f"task 'mood': loss 'cross_entropy': .* got {found}"):
        trainer.train()

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from modeling_hybrid_mtl.normalization_hybrid_mtl import batch_norms
from tests.toys import TASKS, toy_model, toy_trainer, whole_and_resumed
from trainer.errors import InputError


class Weights(TrainerCallback):
    """The weights at the start and after every step."""

    def __init__(self):
        self.seen = []

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        self.seen.append([p.detach().clone() for p in model.parameters()])

    def on_step_end(self, args, state, control, model=None, **kwargs):
        self.seen.append([p.detach().clone() for p in model.parameters()])


def averaged_by_hand(seen, decay):
    average = [p.clone() for p in seen[0]]
    for step, weights in enumerate(seen[1:], 1):
        keep = min(decay, (1 + step) / (10 + step))
        average = [keep * a + (1 - keep) * w for a, w in zip(average, weights, strict=True)]
    return average


def assert_close(model, expected):
    for parameter, value in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.detach(), value, rtol=1e-5, atol=1e-7)


def test_the_model_ends_as_the_average_of_its_weights(tmp_path):
    weights = Weights()
    trainer = toy_trainer(tmp_path, ema_decay=0.8, max_steps=6, callbacks=[weights])
    trainer.train()
    expected = averaged_by_hand(weights.seen, 0.8)
    assert_close(trainer.model, expected)
    assert not torch.equal(weights.seen[-1][0], expected[0])


def test_training_itself_does_not_see_the_averages(tmp_path):
    plain, averaged = Weights(), Weights()
    options = {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2}
    options["max_steps"] = 6
    toy_trainer(tmp_path / "a", callbacks=[plain], **options).train()
    toy_trainer(tmp_path / "b", callbacks=[averaged], ema_decay=0.9, **options).train()
    for a, b in zip(plain.seen, averaged.seen, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_averages_are_what_is_evaluated_and_saved(tmp_path):
    weights = Weights()
    trainer = toy_trainer(
        tmp_path,
        ema_decay=0.8,
        callbacks=[weights],
        max_steps=4,
        eval_strategy="steps",
        eval_steps=4,
        save_strategy="steps",
        save_steps=4,
    )
    trainer.train()
    saved = load_file(tmp_path / "checkpoint-4" / "model.safetensors")
    expected = averaged_by_hand(weights.seen, 0.8)
    for (name, _), value in zip(trainer.model.named_parameters(), expected, strict=True):
        torch.testing.assert_close(saved[name], value, rtol=1e-5, atol=1e-7)
    logged = next(entry for entry in trainer.state.log_history if "eval_loss" in entry)
    assert logged["eval_loss"] == pytest.approx(trainer.evaluate()["eval_loss"], rel=1e-5)


@pytest.mark.parametrize("best", [False, True])
def test_a_resumed_run_ends_with_the_same_averages(tmp_path, best):
    options = {"eval_strategy": "steps", "eval_steps": 3, "load_best_model_at_end": best}
    whole, again = whole_and_resumed(tmp_path, ema_decay=0.9, **options)
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("decay", [1.0, -0.1, 2])
def test_a_decay_that_is_no_share_is_refused(tmp_path, decay):
    with pytest.raises(InputError, match="ema_decay = .*: must be from 0 to below 1"):
        toy_trainer(tmp_path, ema_decay=decay)


def test_statistics_of_batch_normalization_are_averaged_too(tmp_path):
    class Statistics(TrainerCallback):
        seen: list = []

        def on_step_end(self, args, state, control, model=None, **kwargs):
            self.seen.append(batch_norms(model)[0].running_mean.clone())

    seen = Statistics()
    mood = {"mood": {**TASKS["mood"], "normalization": "batch"}}
    options = {"sizes": {"mood": 24}, "ema_decay": 0.8, "max_steps": 5, "callbacks": [seen]}
    trainer = toy_trainer(tmp_path, model=toy_model(mood), **options)
    trainer.train()
    average = torch.zeros(16)
    for step, mean in enumerate(seen.seen, 1):
        average = average.lerp(mean, 1 - min(0.8, (1 + step) / (10 + step)))
    found = batch_norms(trainer.model)[0].running_mean
    torch.testing.assert_close(found, average)
    assert not torch.allclose(found, seen.seen[-1])

"""Replayed passes train as passes that are launched one kernel at a time."""

import pytest
import torch

from tests.gpu.test_training import losses, weights
from tests.toys import toy_trainer
from trainer.training.recorded_passes import Recording

pytestmark = pytest.mark.gpu


@pytest.fixture
def replays(device, monkeypatch):
    """The number of replayed passes, as a list of ones."""
    if device == "cpu":
        pytest.skip("CUDA graphs need a GPU")
    calls = []
    run = Recording.run

    def counting(self, *arguments):
        calls.append(1)
        run(self, *arguments)

    monkeypatch.setattr(Recording, "run", counting)
    return calls


def trained(folder, dropout, **options):
    trainer = toy_trainer(folder, optim="sgd", max_steps=12, logging_steps=6, **options)
    for module in trainer.model.modules():
        if hasattr(module, "p"):
            module.p = dropout
    trainer.train()
    return trainer


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bf16": True},
        {"fp16": True, "learning_rate": 1e-5},
        {"gradient_accumulation_steps": 2},
        {"optimizer_layout": "single"},
        {"rdrop_weight": 1.0},
        {"smart_weight": 1.0},
        {"ema_decay": 0.9, "loss_weights": "uncertainty"},
        {"max_grad_norm": 0.1, "nan_policy": "ignore"},
    ],
    ids=str,
)
def test_replayed_passes_train_the_same(tmp_path, replays, options, dropout):
    wanted = trained(tmp_path, dropout, **options)
    assert not replays
    # Dropout draws the same numbers.
    found = trained(tmp_path, dropout, cuda_graphs=True, **options)
    assert len(replays) > 4
    half = options.get("bf16") or options.get("fp16")
    tolerance = {"rtol": 1e-2, "atol": 1e-3} if half else {"rtol": 1e-4, "atol": 1e-5}
    assert losses(found) == pytest.approx(losses(wanted), rel=tolerance["rtol"])
    for name, value in weights(wanted).items():
        torch.testing.assert_close(weights(found)[name], value, **tolerance, msg=name)

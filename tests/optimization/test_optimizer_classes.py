import json

import pytest
import torch
from transformers import Trainer

from tests.toys import toy_trainer
from trainer.optimization.optimizer_classes import _has_fused_kernel

OPTIONS = {
    "lr_scheduler_type": "constant",
    "learning_rate": 1e-2,
    "weight_decay": 0.3,
    "adam_beta2": 0.95,
    # Far above the noise of gradients that should be 0, which Adam would make whole steps of.
    "adam_epsilon": 1e-3,
    "max_grad_norm": 0.0,
    "max_steps": 4,
}


def trained(folder, optim):
    trainer = toy_trainer(folder, optim=optim, **OPTIONS)
    trainer.train()
    return trainer


def by_hand(folder, optimizer_class):
    """The same steps with an optimizer of torch, made here."""
    trainer = toy_trainer(folder, **OPTIONS)
    model = trainer.model.train()
    decayed = Trainer.get_decay_parameter_names(trainer, model)
    groups = [
        {"params": [p for n, p in model.named_parameters() if n in decayed], "weight_decay": 0.3},
        {"params": [p for n, p in model.named_parameters() if n not in decayed]},
    ]
    options = {"lr": 1e-2, "betas": (0.9, 0.95), "eps": 1e-3, "weight_decay": 0.0}
    optimizer = optimizer_class(groups, **options)
    loader = trainer.get_train_dataloader()
    loader.set_epoch(0)
    for step, _ in zip(loader, range(4), strict=False):
        optimizer.zero_grad()
        for task, batch in step.items():
            model(**batch, task=task).loss.backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_adam_is_torchs_adam_and_not_adamw(tmp_path):
    ours = trained(tmp_path / "adam", "adam").model
    ours = torch.cat([p.detach().flatten() for p in ours.parameters()])
    torch.testing.assert_close(ours, by_hand(tmp_path / "a", torch.optim.Adam), rtol=0, atol=1e-6)
    other = by_hand(tmp_path / "b", torch.optim.AdamW)
    assert (ours - other).abs().max() > 1e-3


@pytest.mark.parametrize("optimizer_layout", ["siloed", "per_task"])
@pytest.mark.parametrize("optim, kind", [("adam", "Adam"), ("adamw_torch_fused", "AdamW")])
def test_optimizers_are_fused(tmp_path, optim, kind, optimizer_layout):
    optimizer = toy_trainer(
        tmp_path, optim=optim, optimizer_layout=optimizer_layout
    ).create_optimizer()
    for part in getattr(optimizer, "parts", {"all": optimizer}).values():
        assert type(part).__name__ == kind
        assert all(group["fused"] for group in part.param_groups)


def test_the_default_optimizer_is_the_fused_one(tmp_path):
    args = toy_trainer(tmp_path).args
    assert args.optim == "adamw_torch_fused"
    assert json.loads(args.to_json_string())["optim"] == "adamw_torch_fused"


def test_adam_survives_a_checkpoints_json(tmp_path):
    args = toy_trainer(tmp_path, optim="adam").args
    assert json.loads(args.to_json_string())["optim"] == args.to_dict()["optim"] == "adam"


def test_a_fused_kernel_is_used_where_the_device_has_one(monkeypatch):
    asked = []

    def refuse(parameters, fused):
        asked.append((parameters[0].device.type, fused))
        raise RuntimeError("`fused=True` requires other devices")

    assert _has_fused_kernel(torch.device("cpu"))
    monkeypatch.setattr(torch.optim, "Adam", refuse)
    assert not _has_fused_kernel(torch.device("meta"))
    assert asked == [("meta", True)]

import pytest
import torch
from transformers import Trainer

from modeling_hybrid_mtl.onednn_hybrid_mtl import onednn_matmul
from tests.toys import TASKS, toy_model, toy_trainer
from trainer.errors import InputError
from trainer.optimization import LAYOUTS, SHARED, learning_rates


def named_groups(trainer):
    names = {id(p): n for n, p in trainer.model.named_parameters()}
    optimizer = trainer.create_optimizer()
    return [(g, [names[id(p)] for p in g["params"]]) for g in optimizer.param_groups]


def test_siloed_groups_own_every_parameter_once(tmp_path):
    trainer = toy_trainer(tmp_path)
    owned = [name for _, names in named_groups(trainer) for name in names]
    assert sorted(owned) == sorted(n for n, _ in trainer.model.named_parameters())


def test_siloed_groups_hold_a_head_or_the_shared_rest(tmp_path):
    trainer = toy_trainer(tmp_path)
    for group, names in named_groups(trainer):
        prefix = "backbone." if group["name"] == SHARED else f"heads.{group['name']}."
        assert all(name.startswith(prefix) for name in names)


def test_groups_have_their_own_rate_and_decay(tmp_path):
    trainer = toy_trainer(
        tmp_path,
        learning_rate=1e-5,
        weight_decay=0.02,
        task_args={"mood": {"learning_rate": 2e-5, "weight_decay": 0.01}},
    )
    decayed = Trainer.get_decay_parameter_names(trainer, trainer.model)
    expected = {SHARED: (1e-5, 0.02), "mood": (2e-5, 0.01), "same": (1e-5, 0.02)}
    for group, names in named_groups(trainer):
        rate, decay = expected.get(group["name"], (1e-5, 0.02))
        assert group["lr"] == rate
        for name in names:
            assert group["weight_decay"] == (decay if name in decayed else 0.0)
            if "bias" in name or "LayerNorm" in name:
                assert group["weight_decay"] == 0.0


def test_a_head_without_parameters_still_has_a_scheduled_rate(tmp_path):
    trainer = toy_trainer(tmp_path, task_args={"near": {"learning_rate": 3e-4}})
    assert not list(trainer.model.heads["near"].parameters())
    assert learning_rates(trainer.create_optimizer())["near"] == 3e-4


def test_frozen_parameters_are_left_out(tmp_path):
    model = toy_model()
    model.backbone.embeddings.requires_grad_(False)
    trainer = toy_trainer(tmp_path, model=model)
    owned = {name for _, names in named_groups(trainer) for name in names}
    assert not any("embeddings" in name for name in owned)


def test_a_task_name_that_begins_like_another_gets_its_own_group(tmp_path):
    tasks = {"mood": TASKS["mood"], "mood_2": TASKS["mood"]}
    trainer = toy_trainer(tmp_path, model=toy_model(tasks), sizes={"mood": 8})
    for group, names in named_groups(trainer):
        if group["name"] != SHARED:
            assert all(name.startswith(f"heads.{group['name']}.") for name in names)


@pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused", "sgd", "adafactor"])
def test_plain_optimizers_take_the_groups(tmp_path, optim):
    trainer = toy_trainer(tmp_path, optim=optim, max_steps=2)
    trainer.train()
    assert trainer.state.global_step == 2


RATES = {SHARED: 1e-3, "mood": 2e-2, "same": 3e-2, "near": 5e-3}
DECAYS = {SHARED: 0.2, "mood": 0.1, "same": 0.05, "near": 0.3}
OWN = {
    task: {"learning_rate": RATES[task], "weight_decay": DECAYS[task]}
    for task in RATES
    if task != SHARED
}


def reference_optimizers(trainer, optimizer_layout):
    """The layout taken literally: one AdamW object after another."""
    model = trainer.model
    decayed = set(Trainer.get_decay_parameter_names(trainer, model))
    heads = {t: [f"heads.{t}.{n}" for n, _ in model.heads[t].named_parameters()] for t in OWN}
    backbone = [n for n, _ in model.named_parameters() if n.startswith("backbone.")]
    named = dict(model.named_parameters())

    def groups(names, owner):
        with_decay = [named[n] for n in names if n in decayed]
        without = [named[n] for n in names if n not in decayed]
        return [
            {"params": with_decay, "lr": RATES[owner], "weight_decay": DECAYS[owner]},
            {"params": without, "lr": RATES[owner], "weight_decay": 0.0},
        ]

    def adamw(*groups):
        return torch.optim.AdamW([g for part in groups for g in part if g["params"]], fused=True)

    shared = lambda: groups(backbone, SHARED)  # noqa: E731
    optimizers = {task: adamw(groups(heads[task], task), shared()) for task in OWN}
    if optimizer_layout == "overlapping":
        optimizers[SHARED] = adamw(shared())
    return optimizers


@pytest.mark.parametrize("step_every", ["cycle", "batch"])
@pytest.mark.parametrize("optimizer_layout", ["per_task", "overlapping"])
def test_each_tasks_optimizer_steps_with_its_own_gradient(tmp_path, optimizer_layout, step_every):
    options = {
        "optimizer_layout": optimizer_layout,
        "step_every": step_every,
        "learning_rate": RATES[SHARED],
        "weight_decay": DECAYS[SHARED],
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "num_train_epochs": 1,
        "cycles_per_epoch": 3,
        "task_args": OWN,
    }
    ours = toy_trainer(tmp_path / "ours", **options)
    ours.train()
    reference = toy_trainer(tmp_path / "reference", **options)
    model = reference.model.train()
    optimizers = reference_optimizers(reference, optimizer_layout)
    loader = reference.get_train_dataloader()
    loader.set_epoch(0)
    # As in training, to the last digits.
    with onednn_matmul:
        for step in loader:
            # All gradients of a step are taken at the weights before it.
            taken = {}
            for task, batch in step.items():
                model.zero_grad()
                model(**batch, task=task).loss.backward()
                taken[task] = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
            for task, own in taken.items():
                model.zero_grad()
                for name, parameter in model.named_parameters():
                    parameter.grad = own.get(name)
                optimizers[task].step()
            if SHARED in optimizers:
                model.zero_grad()
                for name, parameter in model.backbone.named_parameters(prefix="backbone"):
                    given = [own[name] for own in taken.values() if name in own]
                    parameter.grad = sum(given) if given else None
                optimizers[SHARED].step()
    for (name, a), b in zip(ours.model.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7, msg=name)


def test_single_has_one_rate_for_everything(tmp_path):
    trainer = toy_trainer(tmp_path, optimizer_layout="single", learning_rate=3e-3, weight_decay=0.5)
    groups = named_groups(trainer)
    assert {group["lr"] for group, _ in groups} == {3e-3}
    assert {group["weight_decay"] for group, _ in groups} == {0.5, 0.0}
    owned = [name for _, names in groups for name in names]
    assert sorted(owned) == sorted(n for n, _ in trainer.model.named_parameters())
    with pytest.raises(
        InputError, match="task 'mood': learning_rate: optimizer_layout 'single' has one"
    ):
        toy_trainer(
            tmp_path, optimizer_layout="single", task_args={"mood": {"learning_rate": 1e-3}}
        )


@pytest.mark.parametrize("optimizer_layout", LAYOUTS)
def test_every_layout_learns_and_schedules_every_group(tmp_path, optimizer_layout):
    options = {"lr_scheduler_type": "linear", "num_train_epochs": 8, "learning_rate": 1e-2}
    sizes = {"mood": 12, "same": 12, "near": 12}
    trainer = toy_trainer(tmp_path, sizes=sizes, optimizer_layout=optimizer_layout, **options)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])
    # The schedule reached the groups that the optimizers step with.
    parts = getattr(trainer.optimizer.optimizer, "parts", {"all": trainer.optimizer.optimizer})
    assert {group["lr"] for part in parts.values() for group in part.param_groups} == {0.0}


@pytest.mark.parametrize("optimizer_layout", ["per_task", "overlapping"])
def test_each_tasks_gradient_is_clipped_by_itself(tmp_path, optimizer_layout):
    options = {
        "optimizer_layout": optimizer_layout,
        "optim": "sgd",
        "learning_rate": 1.0,
        "weight_decay": 0.0,
    }
    trainer = toy_trainer(
        tmp_path, max_steps=1, max_grad_norm=1e-3, lr_scheduler_type="constant", **options
    )
    before = [p.detach().clone() for p in trainer.model.backbone.parameters()]
    trainer.train()
    moved = torch.cat(
        [
            (p - b).flatten()
            for p, b in zip(trainer.model.backbone.parameters(), before, strict=True)
        ]
    )
    steps = 4 if optimizer_layout == "overlapping" else 3
    assert 0 < moved.norm() <= steps * 1e-3 * 1.01


@pytest.mark.parametrize("optimizer_layout", ["siloed", "single"])
def test_layer_decay_makes_lower_layers_slower(tmp_path, optimizer_layout):
    trainer = toy_trainer(
        tmp_path, optimizer_layout=optimizer_layout, layer_decay=0.5, learning_rate=8e-3
    )
    rates = {}
    for group, names in named_groups(trainer):
        rates.update(dict.fromkeys(names, group["lr"]))
    layers = trainer.model.config.backbone_config.num_hidden_layers
    for name, rate in rates.items():
        if name.startswith("heads."):
            expected = 8e-3
        elif ".embeddings." in name:
            expected = 8e-3 * 0.5**layers
        else:
            layer = int(name.split("encoder.layer.")[1].split(".")[0])
            expected = 8e-3 * 0.5 ** (layers - 1 - layer)
        assert rate == pytest.approx(expected), name
    shown = learning_rates(trainer.create_optimizer())
    assert shown["shared"] == 8e-3 and shown["shared_depth_1"] == 4e-3


def test_separate_optimizers_survive_saving_and_loading(tmp_path):
    trainer = toy_trainer(tmp_path, optimizer_layout="overlapping", max_steps=3)
    trainer.train()
    optimizer = trainer.optimizer.optimizer
    state = optimizer.state_dict()
    again = toy_trainer(tmp_path / "b", optimizer_layout="overlapping").create_optimizer()
    again.load_state_dict(state)
    groups = [id(g) for part in again.parts.values() for g in part.param_groups]
    assert [id(group) for group in again.param_groups] == groups
    for name, part in again.parts.items():
        loaded, saved = part.state_dict()["state"], state[name]["state"]
        assert loaded.keys() == saved.keys()
        for key, entry in loaded.items():
            assert torch.equal(entry["exp_avg"], saved[key]["exp_avg"])

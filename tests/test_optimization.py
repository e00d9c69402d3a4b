import pytest
from transformers import Trainer

from tests.toys import TASKS, toy_model, toy_trainer
from trainer.optimization import SHARED, learning_rates


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

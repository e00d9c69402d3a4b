"""Batch normalization in training: its statistics change once per step, by the step's rows only."""

import pytest
import torch

from modeling_hybrid_mtl.normalization_hybrid_mtl import batch_norms
from tests.toys import TASKS, toy_model, toy_trainer
from tests.training.test_nan_guard import SpoilGradient

HEAD = {"normalization": "batch", "hidden_sizes": [6]}
EIGHT = {"sizes": {"mood": 8, "same": 8, "near": 8}, "per_device_train_batch_size": 8}


def normalized():
    return toy_model({name: {**entry, **HEAD} for name, entry in TASKS.items()})


def statistics_after(folder, **options):
    """Count, running mean and running variance of all tasks after some steps."""
    trainer = toy_trainer(folder, **{"model": normalized(), "max_steps": 1, **EIGHT, **options})
    trainer.train()
    return statistics(trainer.model)


def statistics(model):
    norms = batch_norms(model)
    counts = [int(norm.num_batches_tracked) for norm in norms]
    return counts, [value for norm in norms for value in (norm.running_mean, norm.running_var)]


def assert_same(found, wanted):
    assert found[0] == wanted[0]
    for one, other in zip(found[1], wanted[1], strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("size", [4, 1])
def test_accumulation_does_not_change_the_statistics(tmp_path, size):
    options = {"per_device_train_batch_size": size, "gradient_accumulation_steps": 8 // size}
    found = statistics_after(tmp_path, **options)
    assert found[0] == [1, 1, 1]
    assert_same(found, statistics_after(tmp_path))


@pytest.mark.parametrize("options", [{"rdrop_weight": 1.0}, {"smart_weight": 1.0}])
def test_passes_of_regularizers_are_not_counted(tmp_path, options):
    assert_same(statistics_after(tmp_path, **options), statistics_after(tmp_path))


def test_a_skipped_step_is_not_counted(tmp_path):
    options = {"nan_policy": "skip", "callbacks": [SpoilGradient(1, 1)], "max_steps": 2}
    assert statistics_after(tmp_path, **options)[0] == [1, 1, 1]


def test_after_training_every_batch_counts_again(tmp_path):
    trainer = toy_trainer(tmp_path, model=normalized(), max_steps=1, **EIGHT)
    trainer.create_optimizer()
    assert {norm.updates for norm in batch_norms(trainer.model)} == {"step"}
    trainer.train()
    assert {norm.updates for norm in batch_norms(trainer.model)} == {"batch"}


@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.8}, {"gradient_accumulation_steps": 2}])
def test_a_resumed_run_ends_with_the_same_statistics(tmp_path, options):
    options = {"save_strategy": "steps", "save_steps": 2, "max_steps": 4, **options}
    whole, again = (toy_trainer(tmp_path, model=normalized(), **options) for _ in range(2))
    whole.train()
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name
    assert statistics(again.model)[0] == [4, 4, 4]

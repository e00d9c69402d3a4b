"""The batches of a run: their order, their sizes, and their counts."""

from collections import Counter

import numpy as np
import pytest
import torch

from tests.toys import TASKS, toy_trainer, whole_and_resumed


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({"max_steps": 2}, 2 * 3 * 4),
        ({"max_steps": 5, "step_every": "batch"}, 5 * 4),
        ({"max_steps": 2, "gradient_accumulation_steps": 2}, 2 * 2 * 3 * 4),
        ({"max_steps": 1, "task_args": {"mood": {"batch_size": 1}}}, 1 + 4 + 4),
        # The last batch of `mood` and of `near` has one row.
        ({"num_train_epochs": 1, "sizes": {"mood": 5, "near": 5}}, 5 + 5),
    ],
    ids=str,
)
def test_the_speed_counts_the_rows_that_were_trained_on(tmp_path, options, rows):
    metrics = toy_trainer(tmp_path, **options).train().metrics
    seen = metrics["train_samples_per_second"] * metrics["train_runtime"]
    assert seen == pytest.approx(rows, rel=0.02)


def test_the_speed_of_a_resumed_run_is_of_what_it_trained_itself(tmp_path):
    whole, again = whole_and_resumed(tmp_path)
    rows = []
    for trainer in (whole, again):
        last = trainer.state.log_history[-1]
        rows.append(last["train_samples_per_second"] * last["train_runtime"])
    assert rows == pytest.approx([8 * 12, 2 * 12], rel=0.02)


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"stopping_strategy": "first_exhausted"}, 2 * 2),
        ({"stopping_strategy": "all_exhausted"}, 2 * 3),
        ({"stopping_strategy": "all_exhausted", "step_every": "batch"}, 2 * 3 * 3),
        ({"cycles_per_epoch": 1}, 2 * 1),
        ({"cycles_per_epoch": 5}, 2 * 5),
        ({"task_args": {"near": {"batch_size": 12}}}, 2 * 1),
        ({"cycles_per_epoch": 3, "gradient_accumulation_steps": 2}, 2 * 2),
        # 8 batches in all, in whole cycles of three batches.
        ({"task_sampling": "proportional", "step_every": "batch"}, 2 * 9),
        (
            {
                "task_sampling": "uniform",
                "step_every": "batch",
                "stopping_strategy": "all_exhausted",
            },
            2 * 3 * 3,
        ),
    ],
)
def test_number_of_steps(tmp_path, options, steps):
    sizes = {"mood": 8, "same": 12, "near": 12}
    trainer = toy_trainer(tmp_path, sizes=sizes, logging_strategy="no", **options)
    trainer.train()
    assert trainer.state.global_step == steps


def test_batches_have_each_tasks_own_size(tmp_path):
    sizes = {"mood": {"batch_size": 3}, "near": {"batch_size": 6}}
    trainer = toy_trainer(tmp_path, task_args=sizes)
    step = next(iter(trainer.get_train_dataloader()))
    assert {task: len(batch["labels"]) for task, batch in step.items()} == {
        "mood": 3,
        "same": 4,
        "near": 6,
    }


def test_task_order_is_the_order_of_batches(tmp_path):
    trainer = toy_trainer(tmp_path, step_every="batch", task_order=["near", "mood", "same"])
    steps = [list(step) for step in trainer.get_train_dataloader()]
    assert steps[:4] == [["near"], ["mood"], ["same"], ["near"]]


def test_fixed_sampling_follows_the_task_sequence(tmp_path):
    order = ["near", "mood", "near", "same"]
    trainer = toy_trainer(tmp_path, step_every="batch", task_sampling="fixed", task_sequence=order)
    steps = [list(step) for step in trainer.get_train_dataloader()]
    assert steps[:8] == [[task] for task in order] * 2


def test_proportional_sampling_follows_the_sizes_of_the_data(tmp_path):
    sizes = {"mood": 160, "same": 16, "near": 4}
    trainer = toy_trainer(tmp_path, sizes=sizes, step_every="batch", task_sampling="proportional")
    counts = Counter(task for step in trainer.get_train_dataloader() for task in step)
    assert counts["mood"] > 5 * counts["same"] > 5 * counts["near"]
    uniform = toy_trainer(
        tmp_path, sizes=sizes, step_every="batch", task_sampling="uniform", cycles_per_epoch=90
    )
    counts = Counter(task for step in uniform.get_train_dataloader() for task in step)
    assert all(70 < counts[task] < 110 for task in TASKS)


def test_flops_count_tokens_of_all_batches(tmp_path):
    trainer = toy_trainer(tmp_path)
    step = next(iter(trainer.get_train_dataloader()))
    tokens = sum(
        batch[name].numel() for batch in step.values() for name in batch if "input_ids" in name
    )
    outside = trainer.model.num_parameters(exclude_embeddings=True)
    assert trainer.floating_point_ops(step) == 6.0 * tokens * outside


def test_balanced_classes_weigh_the_training_labels_only(tmp_path, capsys):
    options = {"mood": {"class_weights": "balanced"}}
    trainer = toy_trainer(tmp_path, max_steps=1, task_args=options)
    plain = toy_trainer(tmp_path, max_steps=1)
    labels = np.array(trainer.train_dataset.tasks["mood"]["labels"][:])
    by_class = len(labels) / (3 * np.bincount(labels))
    batch = next(iter(trainer.get_train_dataloader()))
    expected = by_class[batch["mood"]["labels"]]
    np.testing.assert_allclose(batch["mood"]["label_weights"], expected, rtol=1e-6)
    assert "label_weights" not in batch["same"]
    assert "task 'mood': class weights: bad " in capsys.readouterr().out
    assert trainer.evaluate()["eval_mood_loss"] == plain.evaluate()["eval_mood_loss"]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_weighted_losses_have_the_same_gradient_under_accumulation(tmp_path, accumulation):
    options = {"mood": {"class_weights": {"good": 5.0}}}
    trainer = toy_trainer(
        tmp_path,
        sizes={"mood": 24},
        task_args=options,
        max_steps=1,
        per_device_train_batch_size=24 // accumulation,
        gradient_accumulation_steps=accumulation,
        lr_scheduler_type="constant",
        optim="sgd",
        max_grad_norm=0,
    )
    before = trainer.model.heads["mood"].layers[1].weight.detach().clone()
    rows = trainer.train_dataset.tasks["mood"][:]
    batch = trainer.data_collator.collate("mood", rows)
    weights = torch.where(batch["labels"] == 2, 5.0, 1.0)
    loss = trainer.model(**batch, task="mood", label_weights=weights).loss
    (gradient,) = torch.autograd.grad(loss, trainer.model.heads["mood"].layers[1].weight)
    trainer.train()
    step = (before - trainer.model.heads["mood"].layers[1].weight) / 1e-2
    torch.testing.assert_close(step, gradient, atol=1e-5, rtol=1e-4)

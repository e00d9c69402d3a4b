"""Tasks that share a table, whose rows may lack labels."""

import numpy as np
import pytest
import torch
from datasets import Dataset

from tests.toys import TASKS, toy_model, toy_rows, toy_tokenizer, toy_trainer
from trainer import HybridMTLTrainer

SHARED = {
    "mood": TASKS["mood"],
    "heat": {"kind": "regression", "score_range": [0.0, 5.0], "dropout": 0.0},
    "tone": {"kind": "multi_label", "labels": ["calm", "loud"], "dropout": 0.0},
}


def table(count=24, missing=0.5, seed=1):
    rows = toy_rows("mood", count, seed=seed)
    random = np.random.default_rng(seed)
    moods = [None if random.random() < missing else label for label in rows["labels"][:]]
    heats = [None if random.random() < missing else label / 2.0 for label in rows["labels"][:]]
    tones = [None if mood is None else [mood % 2, 1.0] for mood in moods]
    rows = rows.remove_columns("labels").add_column("labels_mood", moods)
    return rows.add_column("labels_heat", heats).add_column("labels_tone", tones)


def shared_trainer(folder, rows, **options):
    args = toy_trainer(folder, **options).args
    by_task = dict.fromkeys(SHARED, rows)
    return HybridMTLTrainer(
        toy_model(SHARED),
        args,
        train_dataset=by_task,
        eval_dataset=by_task,
        processing_class=toy_tokenizer(),
    )


def test_a_text_with_two_labels_passes_the_encoder_once_per_step(tmp_path):
    trainer = shared_trainer(tmp_path, table(), max_steps=2, logging_steps=100)
    trainer.state.global_step = 1  # norms are measured in step 0
    trainer.create_optimizer()
    steps = list(trainer.get_train_dataloader())
    encoded = []
    encode = trainer.model.encode_tokens
    trainer.model.encode_tokens = lambda ids, *rest: encoded.append(len(ids)) or encode(ids, *rest)
    trainer._batches_in_step = dict.fromkeys(SHARED, 1)
    trainer.training_step(trainer.model, steps[0])
    assert encoded == [4]


def test_one_pass_gives_the_losses_of_separate_passes_over_the_labeled_rows(tmp_path):
    trainer = shared_trainer(tmp_path, table(missing=0.7), logging_steps=100)
    batches = next(iter(trainer.get_train_dataloader()))
    model = trainer.model.eval()
    together = model.forward_tasks(batches)
    assert any("label_mask" in batch for batch in batches.values())
    for task, batch in batches.items():
        mask = batch.get("label_mask", torch.ones(4, dtype=torch.bool))
        alone = {
            name: tensor[mask] for name, tensor in batch.items() if name not in ("label_mask",)
        }
        expected = model(**alone, task=task).loss
        torch.testing.assert_close(together[task].loss, expected)
        torch.testing.assert_close(model(**batch, task=task).loss, expected)


def test_a_batch_without_labels_has_the_loss_and_gradient_0():
    model = toy_model(SHARED)
    output = model(
        torch.tensor([[2, 9, 3]]),
        task="mood",
        labels=torch.tensor([0]),
        label_mask=torch.tensor([False]),
    )
    output.loss.backward()
    assert output.loss == 0
    assert all((p.grad == 0).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("step_every", ["cycle", "batch"])
def test_every_labeled_row_of_a_table_is_trained(tmp_path, step_every):
    rows = table(40)
    trainer = shared_trainer(tmp_path, rows, step_every=step_every, logging_steps=100)
    sampler = trainer.make_sampler()
    for index, task in enumerate(SHARED):
        stream = sampler.streams[task]
        drawn = np.concatenate([stream.batch(i) for i in range(stream.batches_per_pass)])
        labeled = {
            name: {i for i, label in enumerate(rows[f"labels_{name}"][:]) if label is not None}
            for name in SHARED
        }
        union = set.union(*labeled.values())
        assert set(drawn.tolist()) == (union if step_every == "cycle" else labeled[task]), index
    trainer.train()


def test_metrics_are_those_of_the_labeled_rows(tmp_path):
    rows = table(30)
    trainer = shared_trainer(tmp_path, rows)
    metrics = trainer.evaluate()
    for task in SHARED:
        alone = rows.rename_column(f"labels_{task}", "labels")
        alone = alone.filter(lambda row: row["labels"] is not None)
        expected = trainer.evaluate({task: alone})
        for name, value in expected.items():
            if name.startswith(f"eval_{task}"):
                assert metrics[name] == pytest.approx(value, abs=1e-6)
    predicted = trainer.predict(dict.fromkeys(SHARED, rows))
    assert len(predicted.predictions["mood"]) == 30
    for task in SHARED:
        labels = rows[f"labels_{task}"][:]
        for given, label in zip(predicted.label_ids[task], labels, strict=True):
            missing = given == -100 if task == "mood" else np.isnan(given).all()
            assert missing if label is None else given == pytest.approx(label)
        loss = f"{task}_loss"
        assert predicted.metrics[f"test_{loss}"] == pytest.approx(metrics[f"eval_{loss}"], abs=1e-6)


def test_rows_of_one_task_may_lack_labels(tmp_path):
    rows = Dataset.from_dict(
        {"input_ids": [[2, 9, 3]] * 4, "length": [3] * 4, "labels": [0, None, -100, 2]}
    )
    args = toy_trainer(tmp_path, max_steps=1).args
    tasks = {"mood": TASKS["mood"]}
    trainer = HybridMTLTrainer(
        toy_model(tasks), args, train_dataset={"mood": rows}, processing_class=toy_tokenizer()
    )
    assert sorted(trainer.make_sampler().streams["mood"].batch(0)) == [0, 3]

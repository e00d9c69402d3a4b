"""Probabilities of classes as labels: read, trained on as they are, and measured by the largest."""

import re

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch.nn import functional

from modeling_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from tests.toys import toy_model, toy_rows, toy_tokenizer, toy_trainer
from trainer.config.tasks import read_tasks
from trainer.data.batches import Collator
from trainer.data.columns import check_split
from trainer.data.label_weights import LabelWeights
from trainer.data.prepare import prepare
from trainer.data.readers import RawSplit
from trainer.data.row_checks import check_rows
from trainer.data.soft_labels import count_ties
from trainer.data.summary import summarize
from trainer.data.task_source import TaskSource
from trainer.data.token_checks import Limits
from trainer.errors import InputError
from trainer.prediction.examples import choose_rows

LABELS = ["bad", "so-so", "good"]
MOOD = TaskConfig.from_entry("mood", {"kind": "classification", "labels": LABELS})
SOFT = [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]
TEXTS = ["w1 w2", "w3", "w4"]


def check(table, task=MOOD, **source):
    raw = RawSplit(Dataset.from_dict(table), "FILE")
    return check_split("mood", task, TaskSource(**source), raw)


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def test_a_list_or_a_column_per_class_holds_probabilities(capsys):
    found = check({"text": TEXTS, "label": SOFT})
    np.testing.assert_allclose(found.rows["label"][:], SOFT, atol=1e-6)
    assert "FILE: 1 of 3 rows have several most probable labels, of which" in (
        capsys.readouterr().out
    )
    columns = [[str(p) for p in column] for column in zip(*SOFT, strict=True)]
    table = {"text": TEXTS, **dict(zip(LABELS, columns, strict=True))}
    again = check(table, columns={"label": LABELS})
    assert again.rows["label"][:] == found.rows["label"][:]


def test_columns_of_probabilities_name_the_labels():
    entry = {"kind": "classification", "dataset": "x", "columns": {"label": LABELS}}
    assert read_tasks({"mood": entry})["mood"].model.labels == LABELS
    with refused("must be a column of probabilities for each of the labels"):
        read_tasks({"mood": {**entry, "labels": ["a", "b"]}})
    entry = {**entry, "kind": "regression", "score_range": [0, 1]}
    with refused("several columns are for kinds with classes of a whole text"):
        read_tasks({"mood": entry})


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ([0.5, 0.2, 0.2], "expected probabilities with a sum of 1, not 0.9"),
        ([1.2, -0.2, 0.0], "expected a number, 0 or more, for each of the 3 labels"),
        ([0.5, 0.5], "expected a number, 0 or more, for each of the 3 labels"),
        ([0.5, None, 0.5], "expected a number, 0 or more, for each of the 3 labels"),
    ],
)
def test_other_lists_are_bad_rows(label, reason):
    table = {"text": ["a", "b"], "label": [SOFT[0], label]}
    with refused(f"FILE, row 2: column 'label' has {label}; {reason}"):
        check(table)
    assert len(check(table, bad_rows="drop").rows) == 1


def test_rounded_probabilities_are_made_to_add_up_to_1():
    found = check({"text": ["a"], "label": [[0.333, 0.333, 0.333]]}).rows["label"][0]
    assert sum(found) == pytest.approx(1, abs=1e-6)


def test_the_loss_is_the_cross_entropy_with_the_distribution():
    head, logits = HEADS["classification"](4, MOOD), torch.randn(3, 3)
    labels = torch.tensor(SOFT)
    expected = -(labels * logits.log_softmax(-1)).sum(-1)
    torch.testing.assert_close(head.loss(logits, labels), expected.mean())
    weights = torch.tensor([1.0, 2.0, 0.5])
    found = head.loss(logits, labels, weights)
    torch.testing.assert_close(found, (weights * expected).mean())
    hot = functional.one_hot(torch.tensor([2, 0, 1]), 3).float()
    torch.testing.assert_close(head.loss(logits, hot), head.loss(logits, torch.tensor([2, 0, 1])))


def test_a_loss_of_one_class_per_row_is_refused():
    task = TaskConfig.from_entry("mood", {"kind": "classification", "labels": LABELS})
    task = TaskConfig.from_entry("mood", {**vars(task), "loss": "focal"})
    with refused("FILE: labels are probabilities of the classes, and loss 'focal' needs one"):
        check({"text": TEXTS, "label": SOFT}, task)


def test_weights_of_classes_are_shared_out():
    rows = Dataset.from_dict({"labels": SOFT})
    found = LabelWeights.from_rows("mood", MOOD, rows, "balanced")
    counts = np.sum(SOFT, axis=0)
    np.testing.assert_allclose(found.classes, 3 / (3 * counts), rtol=1e-6)
    weights = found.of_batch("mood", {}, torch.tensor(SOFT))
    np.testing.assert_allclose(weights, np.array(SOFT) @ found.classes.numpy(), rtol=1e-6)
    assert weights.mean().item() == pytest.approx(1)


def test_evaluation_uses_the_most_probable_class():
    rows = {"input_ids": [[1], [2], [3]], "labels": [SOFT[0], None, SOFT[2]]}
    collator = Collator({"mood": MOOD}, 0)
    batch = collator({"mood": rows})["mood"]
    torch.testing.assert_close(batch["labels"][[0, 2]], torch.tensor(SOFT)[[0, 2]])
    assert batch["label_mask"].tolist() == [True, False, True]
    assert collator.collate("mood", rows)["labels"].tolist() == [2, 0, 0]


def test_rows_of_a_trainer_are_checked():
    rows = toy_rows("mood", 3).remove_columns("labels")
    limits = Limits.from_model(toy_model())
    soft = rows.add_column("labels", SOFT)
    assert check_rows("train_dataset", "mood", soft, MOOD, limits)
    wrong = rows.add_column("labels", [*SOFT[:2], [0.5, 0.1, 0.1]])
    with refused("train_dataset, task 'mood', row 3: column 'labels' has [0.5, 0.1, 0.1]"):
        check_rows("train_dataset", "mood", wrong, MOOD, limits)


def test_a_run_trains_on_probabilities_and_measures_classes(tmp_path):
    model = toy_model()
    tables = {"mood": {"text": TEXTS, "label": SOFT}}
    rows = prepare(tables, model.config, toy_tokenizer(), 16)
    trainer = toy_trainer(tmp_path, model=model, sizes={"mood": 4}, max_steps=1)
    trainer.train_dataset.tasks["mood"] = rows["mood"]
    trainer.train()
    predictions = trainer.predict(rows)
    assert predictions.label_ids["mood"].tolist() == [2, 0, 0]
    assert 0 <= predictions.metrics["test_mood_accuracy"] <= 1
    assert "bad 2, so-so 1, good 0" in summarize({"mood": MOOD}, {"train": rows})


def test_examples_show_the_most_probable_label():
    rows = check({"text": TEXTS, "label": SOFT}).rows
    assert [row["label"] for row in choose_rows(rows, MOOD, 3)] == ["good", "bad", "bad"]


def test_ties_are_counted():
    assert count_ties([*SOFT, None]) == 1 and count_ties([None]) == 0

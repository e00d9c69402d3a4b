"""Weights of classes against scikit-learn's, and of rows."""

import re

import numpy as np
import pytest
import torch
from datasets import Dataset
from sklearn.utils.class_weight import compute_class_weight

from modeling_hybrid_mtl import TaskConfig
from trainer.data.batches import Collator
from trainer.data.label_weights import LabelWeights, weight_column
from trainer.errors import InputError

RANDOM = np.random.default_rng(0)
MOOD = TaskConfig("classification", labels=["a", "b", "c"])
TAGS = TaskConfig("token_classification", labels=["a", "b", "c"])
TOPICS = TaskConfig("multi_label", labels=["a", "b", "c"])
HEAT = TaskConfig("regression", score_range=[0.0, 5.0])


def weights_of(task, class_weights=None, **columns):
    return LabelWeights.from_rows("x", task, Dataset.from_dict(columns), class_weights)


def refused(message):
    return pytest.raises(InputError, match=re.escape(message))


def test_balanced_weights_are_those_of_scikit_learn():
    labels = RANDOM.choice(3, 50, p=[0.7, 0.2, 0.1])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    found = weights_of(MOOD, "balanced", labels=[*labels.tolist(), None])
    np.testing.assert_allclose(found.classes, expected, rtol=1e-6)
    # Their mean over the rows is 1, so the scale of the loss stays.
    assert found.classes[labels].mean().item() == pytest.approx(1)
    tags = [[-100, *labels[:20].tolist()], labels[20:].tolist()]
    found = weights_of(TAGS, "balanced", labels=tags)
    np.testing.assert_allclose(found.classes, expected, rtol=1e-6)


def test_balanced_weights_of_multi_label_classes_are_the_ratio_of_others():
    found = weights_of(TOPICS, "balanced", labels=[[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    assert found.classes.tolist() == [3, 1, 1]
    labels = torch.tensor([[1.0, 0, 1], [0, 1, 0]])
    assert found.of_batch("x", {}, labels).tolist() == [[3, 1, 1], [1, 1, 1]]


def test_a_class_without_rows_has_weight_1():
    assert weights_of(MOOD, "balanced", labels=[0, 0, 0, 2]).classes.tolist() == pytest.approx(
        [4 / 6, 1, 2]
    )


def test_classes_that_a_mapping_leaves_out_have_weight_1():
    found = weights_of(MOOD, {"c": 5}, labels=[0, 1, 2])
    assert found.of_batch("x", {}, torch.tensor([2, 0, 2])).tolist() == [5, 1, 5]
    tags = torch.tensor([[2, -100], [0, 2]])
    assert found.of_batch("x", {}, tags).shape == (2, 2)


def test_weights_of_rows_are_scaled_to_a_mean_of_1():
    found = weights_of(HEAT, labels=[1.0, 2.0, None], weights=[1.0, 3.0, None])
    assert found == LabelWeights(None, 0.5)
    columns = {"weights": [3.0, 1.0, None]}
    assert found.of_batch("x", columns, torch.zeros(3)).tolist() == [1.5, 0.5, 0]


def test_weights_of_classes_and_rows_are_multiplied():
    found = LabelWeights(torch.tensor([1.0, 2.0, 3.0]), 0.5)
    columns = {"weights_x": [4.0, 2.0]}
    assert found.of_batch("x", columns, torch.tensor([1, 2])).tolist() == [4, 3]
    tags = torch.tensor([[0, 1], [2, 2]])
    assert found.of_batch("x", columns, tags).tolist() == [[2, 4], [3, 3]]


def test_a_batch_of_training_has_weights_and_one_of_evaluation_has_none():
    rows = {"input_ids": [[1], [2]], "labels": [1, 0], "weights": [1.0, 3.0]}
    collator = Collator({"x": MOOD}, 0, {"x": LabelWeights(None, 0.5)})
    assert collator({"x": rows})["x"]["label_weights"].tolist() == [0.5, 1.5]
    assert "label_weights" not in collator.collate("x", rows)
    assert "label_weights" not in Collator({"x": MOOD}, 0, {"x": LabelWeights()})({"x": rows})["x"]


def test_a_task_of_a_shared_table_has_weights_of_its_own():
    assert weight_column(["weights_a", "weights"], "a") == "weights_a"
    assert weight_column(["weights_a", "weights"], "b") == "weights"
    assert weight_column(["weights_a"], "b") is None


@pytest.mark.parametrize(
    ("task", "option", "reason"),
    [
        (MOOD, "ballanced", "class_weights = 'ballanced': expected 'balanced' or a mapping"),
        (MOOD, {"d": 2}, "no label 'd'"),
        (MOOD, {"a": -1}, "a: expected a number from 0 to 1e+30, got -1"),
        (MOOD, {"a": 1e31}, "a: expected a number from 0 to 1e+30, got 1e+31"),
        (MOOD, {"a": 0, "b": 0, "c": 0}, "all classes have the weight 0"),
        (MOOD, {"a": True}, "a: expected a number from 0 to 1e+30, got True"),
        (HEAT, "balanced", "a task of kind 'regression' has no classes; unset it"),
    ],
)
def test_wrong_options_are_refused_by_name(task, option, reason):
    with refused(reason):
        weights_of(task, option, labels=[0, 1])


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ([1.0, -1.0], "train_dataset, task 'x', row 2: column 'weights': expected a number"),
        ([1.0, None], "row 2: column 'weights': expected a number from 0 to 1e+30, got nan"),
        ([0.0, 0.0], "columns: weight: all weights are 0"),
        (["a", "b"], "column 'weights': expected a number in each row"),
    ],
)
def test_wrong_weights_of_rows_are_refused_by_row(weights, reason):
    with refused(reason):
        weights_of(MOOD, labels=[0, 1], weights=weights)

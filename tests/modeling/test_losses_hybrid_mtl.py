"""Weighted and focal losses against PyTorch's and the paper's formulas on random data."""

import pytest
import torch
from torch.nn import functional

from modeling_hybrid_mtl.configuration_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from modeling_hybrid_mtl.losses_hybrid_mtl import LossError, reduce_loss
from tests.modeling.toy_models import toy_model, toy_tokenizer

RANDOM = torch.Generator().manual_seed(0)
LOGITS = torch.randn(6, 3, generator=RANDOM)
LABELS = torch.tensor([0, 2, 1, 1, 0, 2])
HOT = (torch.rand(6, 3, generator=RANDOM) < 0.4).float()
WEIGHTS = torch.rand(6, generator=RANDOM) + 0.1
NAMES = ["a", "b", "c"]


def head_for(kind="classification", **entry):
    task = TaskConfig.from_entry("task", {"kind": kind, "labels": NAMES, **entry})
    return HEADS[kind](4, task)


def test_a_weighted_loss_is_divided_by_the_number_of_rows():
    losses = functional.cross_entropy(LOGITS, LABELS, reduction="none")
    found = head_for().loss(LOGITS, LABELS, WEIGHTS)
    torch.testing.assert_close(found, (WEIGHTS * losses).sum() / 6)


def test_balanced_classes_have_the_loss_of_torch_over_all_rows():
    # With a mean weight of 1, the sum of weights, by which PyTorch divides, is the number of rows.
    by_class = 6 / (3 * torch.bincount(LABELS))
    expected = functional.cross_entropy(LOGITS, LABELS, weight=by_class)
    torch.testing.assert_close(head_for().loss(LOGITS, LABELS, by_class[LABELS]), expected)


def test_positive_weights_of_multi_label_classes_are_those_of_torch():
    positive = torch.tensor([0.5, 3.0, 2.0])
    expected = functional.binary_cross_entropy_with_logits(LOGITS, HOT, pos_weight=positive)
    weights = torch.where(HOT == 1, positive, 1.0)
    torch.testing.assert_close(head_for("multi_label").loss(LOGITS, HOT, weights), expected)


def test_weights_of_rows_apply_to_all_their_labels():
    head = head_for("token_classification")
    logits, tags = LOGITS.view(2, 3, 3), torch.tensor([[0, 2, -100], [1, 1, 0]])
    losses = functional.cross_entropy(LOGITS, tags.flatten(), reduction="none").view(2, 3)
    expected = (torch.tensor([[2.0], [0.5]]) * losses).sum() / 5
    torch.testing.assert_close(head.loss(logits, tags, torch.tensor([2.0, 0.5])), expected)
    multi = functional.binary_cross_entropy_with_logits(LOGITS, HOT, reduction="none").mean(-1)
    found = head_for("multi_label").loss(LOGITS, HOT, WEIGHTS)
    torch.testing.assert_close(found, (WEIGHTS * multi).mean())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_focal_loss_is_equation_4(gamma):
    p = LOGITS.softmax(-1)[range(6), LABELS]
    expected = ((1 - p) ** gamma * -p.log()).mean()
    found = head_for(loss="focal", focal_gamma=gamma).loss(LOGITS, LABELS)
    torch.testing.assert_close(found, expected)
    p = torch.where(HOT == 1, LOGITS.sigmoid(), 1 - LOGITS.sigmoid())
    expected = ((1 - p) ** gamma * -p.log()).mean()
    found = head_for("multi_label", loss="focal", focal_gamma=gamma).loss(LOGITS, HOT)
    torch.testing.assert_close(found, expected)
    tags = torch.tensor([[0, 2, -100], [1, 1, 0]])
    p = LOGITS.softmax(-1)[tags.flatten() >= 0, tags[tags >= 0]]
    found = head_for("token_classification", loss="focal", focal_gamma=gamma)
    expected = ((1 - p) ** gamma * -p.log()).mean()
    torch.testing.assert_close(found.loss(LOGITS.view(2, 3, 3), tags), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
def test_the_focal_loss_of_a_certain_label_has_a_finite_gradient(gamma):
    logits = torch.tensor([[200.0, 0, 0], [0, 0, 200.0]], requires_grad=True)
    loss = head_for(loss="focal", focal_gamma=gamma).loss(logits, torch.tensor([0, 0]))
    loss.backward()
    assert loss.item() == pytest.approx(100) and logits.grad.isfinite().all()


def test_gamma_is_2_unless_given_and_belongs_to_the_focal_loss():
    assert head_for(loss="focal").task.focal_gamma == 2.0
    for entry, reason in (
        ({"focal_gamma": 1.0}, "'focal_gamma' = 1.0: only valid with loss 'focal'"),
        ({"loss": "focal", "focal_gamma": -1}, "'focal_gamma' = -1: must be a number, 0 or more"),
        ({"loss": "focal", "label_smoothing": 0.1}, "'label_smoothing' = 0.1: has no meaning"),
    ):
        with pytest.raises(ValueError, match=reason):
            head_for(**entry)


@pytest.mark.parametrize(
    ("losses", "weights", "reason"),
    [
        (torch.tensor(1.0), WEIGHTS, "one value for several labels, which cannot be weighted"),
        (torch.ones(6), torch.ones(6, 3), "one value for several labels"),
        (torch.ones(5), None, r"\(6, 3\), for each row or for the batch, got shape \(5,\)"),
        (1.0, None, "got 1.0"),
    ],
)
def test_losses_of_other_shapes_are_refused(losses, weights, reason):
    with pytest.raises(LossError, match=reason):
        reduce_loss(losses, HOT, weights)


def test_a_loss_of_the_batch_cannot_be_weighted():
    task = {"kind": "regression", "score_range": [0, 5], "loss": "correlation"}
    batch = toy_tokenizer()(["the film was good", "the end"], return_tensors="pt", padding=True)
    model, labels = toy_model(tasks={"heat": task}), torch.tensor([1.0, 2.0])
    model(**batch, task="heat", labels=labels)
    with pytest.raises(LossError, match="task 'heat': loss 'correlation': has one value"):
        model(**batch, task="heat", labels=labels, label_weights=torch.ones(2))


def test_weights_of_rows_without_a_label_do_not_count():
    task = {"kind": "classification", "labels": NAMES}
    batch = toy_tokenizer()(["the film", "the end"], return_tensors="pt", padding=True)
    model = toy_model(tasks={"mood": task}).eval()
    alone = {name: value[1:] for name, value in batch.items()}
    expected = model(**alone, task="mood", labels=LABELS[1:2], label_weights=torch.tensor([3.0]))
    whole = {**batch, "labels": LABELS[:2], "label_mask": torch.tensor([False, True])}
    whole["label_weights"] = torch.tensor([9.0, 3.0])
    torch.testing.assert_close(model(**whole, task="mood").loss, expected.loss)
    joint = model.forward_tasks({"mood": whole})["mood"].loss
    torch.testing.assert_close(joint, expected.loss)

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from modeling_hybrid_mtl.configuration_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS, TaskHead
from tests.modeling.toy_models import CROSS, SIAMESE, SINGLE, TASKS

WIDTH = 6


def head_for(**entry: Any) -> TaskHead:
    task = TaskConfig.from_entry("task", entry)
    return HEADS[task.kind](WIDTH, task).eval()


def vectors(rows: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed))


def linear_layers(head: TaskHead) -> list[nn.Linear]:
    return [module for module in head.modules() if isinstance(module, nn.Linear)]


def test_classification_is_linear_and_scored_by_cross_entropy():
    head = head_for(kind="classification", labels=["a", "b", "c"])
    (linear,) = linear_layers(head)
    u, labels = vectors(), torch.tensor([2, 0, 1, 1])
    logits = head(u)
    torch.testing.assert_close(logits, u @ linear.weight.T + linear.bias)
    by_hand = -logits.log_softmax(-1)[torch.arange(4), labels].mean()
    torch.testing.assert_close(head.loss(logits, labels), by_hand)


def test_cross_entropy_of_known_logits():
    head = head_for(kind="classification", labels=["a", "b"])
    loss = head.loss(torch.tensor([[0.0, 0.0], [math.log(3), 0.0]]), torch.tensor([0, 1]))
    assert loss.item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_siamese_features_are_u_v_difference_and_product():
    head = head_for(kind="classification", input="pair", labels=["no", "yes"])
    (linear,) = linear_layers(head)
    u, v = vectors(seed=1), vectors(seed=2)
    features = torch.cat([u, v, (u - v).abs(), u * v], dim=1)
    assert linear.in_features == 4 * WIDTH
    torch.testing.assert_close(head(u, v), functional.linear(features, linear.weight, linear.bias))


def test_a_cross_encoded_pair_is_one_vector():
    head = head_for(
        kind="classification", input="pair", pair_encoding="cross", labels=["no", "yes"]
    )
    assert linear_layers(head)[0].in_features == WIDTH
    assert head(vectors()).shape == (4, 2)


def test_regression_is_in_score_units_around_the_middle_of_the_range():
    head = head_for(kind="regression", score_range=[1, 5])
    (linear,) = linear_layers(head)
    u = vectors()
    torch.testing.assert_close(
        head(u), 3 + 4 * functional.linear(u, linear.weight, linear.bias)[:, 0]
    )
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    assert head(u).tolist() == [3.0] * 4


def test_regression_of_a_siamese_pair_reads_both_texts():
    head = head_for(kind="regression", input="pair", score_range=[0, 5])
    u, v = vectors(seed=1), vectors(seed=2)
    assert head(u, v).shape == (4,)
    assert not torch.allclose(head(u, v), head(u, u))


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "regression", "score_range": [0, 5]},
        {"kind": "similarity", "input": "pair", "score_range": [0, 5]},
    ],
)
def test_scores_are_trained_by_squared_error_in_score_units(entry):
    head = head_for(**entry)
    loss = head.loss(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0]))
    assert loss.item() == pytest.approx((1 + 4) / 2)
    assert head.loss(torch.tensor([1.0, 4.0]), torch.tensor([1, 2])).item() == pytest.approx(2)


@pytest.mark.parametrize(
    ("score_range", "cosine_range", "cosine", "score"),
    [
        ([0, 5], [0, 1], 0.5, 2.5),
        ([0, 5], [0, 1], -1.0, -5.0),
        ([0, 5], [-1, 1], 0.0, 2.5),
        ([1, 3], [-1, 1], -1.0, 1.0),
        ([1, 3], [-1, 1], 1.0, 3.0),
        ([-1, 1], [0.5, 1], 0.75, 0.0),
    ],
)
def test_the_cosine_is_mapped_to_the_score_range(score_range, cosine_range, cosine, score):
    head = head_for(
        kind="similarity", input="pair", score_range=score_range, cosine_range=cosine_range
    )
    u = torch.tensor([[1.0, 0.0]])
    v = 3 * torch.tensor([[cosine, math.sqrt(1 - cosine**2)]])
    assert head(u, v).item() == pytest.approx(score, abs=1e-6)


def test_similarity_has_parameters_only_with_hidden_sizes():
    entry = {"kind": "similarity", "input": "pair", "score_range": [0, 5]}
    assert not list(head_for(**entry).parameters())
    head = head_for(**entry, hidden_sizes=[3])
    (linear,) = linear_layers(head)
    u, v = vectors(seed=1), vectors(seed=2)
    cosine = functional.cosine_similarity(linear(u), linear(v))
    torch.testing.assert_close(head(u, v), 5 * cosine)


def test_token_classification_ignores_unlabeled_tokens():
    head = head_for(kind="token_classification", labels=["O", "X", "Y"])
    hidden = torch.randn(2, 3, WIDTH, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[-100, 2, 0], [1, -100, -100]])
    logits = head(hidden)
    assert logits.shape == (2, 3, 3)
    chosen = [logits[0, 1].log_softmax(-1)[2], logits[0, 2].log_softmax(-1)[0]]
    chosen.append(logits[1, 0].log_softmax(-1)[1])
    torch.testing.assert_close(head.loss(logits, labels), -torch.stack(chosen).mean())


def test_tokens_without_any_label_give_no_loss_and_no_gradient():
    head = head_for(kind="token_classification", labels=["O", "X"])
    logits = head(torch.randn(2, 3, WIDTH))
    loss = head.loss(logits, torch.full((2, 3), -100))
    loss.backward()
    assert loss.item() == 0
    for parameter in head.parameters():
        assert parameter.grad is not None
        assert (parameter.grad == 0).all()


@pytest.mark.parametrize("name", TASKS)
def test_answers_are_probabilities_or_scores_within_the_range(name):
    task = TaskConfig.from_entry(name, TASKS[name])
    head = HEADS[task.kind](WIDTH, task).eval()
    u = 50 * (vectors(8).reshape(2, 4, WIDTH) if name == "tags" else vectors(8))
    logits = head(u, -u if name in SIAMESE else None)
    answers = head.postprocess(logits)
    if task.output_type == "labels":
        torch.testing.assert_close(answers, logits.sigmoid())
    elif task.has_labels:
        assert answers.shape == logits.shape
        torch.testing.assert_close(answers.sum(-1), torch.ones(logits.shape[:-1]))
        assert (answers.argmax(-1) == logits.argmax(-1)).all()
    else:
        low, high = task.score_range
        assert answers.shape == (8,)
        assert ((answers >= low) & (answers <= high)).all()
        inside = (logits >= low) & (logits <= high)
        assert (answers[inside] == logits[inside]).all()
        assert not inside.all()


@pytest.mark.parametrize("name", [*SINGLE, *SIAMESE, *CROSS])
def test_half_precision_vectors_give_finite_losses_in_full_precision(name):
    task = TaskConfig.from_entry(name, TASKS[name])
    head = HEADS[task.kind](WIDTH, task).eval().bfloat16()
    u = (vectors().reshape(2, 2, WIDTH) if name == "tags" else vectors()).bfloat16()
    logits = head(u, u.flip(0) if name in SIAMESE else None)
    one_class = task.output_type in ("class", "tags")
    labels = torch.zeros(logits.shape[:-1] if one_class else logits.shape, dtype=torch.long)
    loss = head.loss(logits, labels)
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert head.postprocess(logits).dtype == torch.float32


def test_half_precision_keeps_scores_of_a_far_range_apart():
    head = head_for(kind="regression", score_range=[0, 1000]).bfloat16()
    (linear,) = linear_layers(head)
    nn.init.zeros_(linear.weight)
    nn.init.constant_(linear.bias, 1e-3)
    # 501 lies between two neighbors of bfloat16.
    assert head(vectors().bfloat16())[0].item() == pytest.approx(501, abs=0.1)


def test_hidden_sizes_are_the_widths_between():
    head = head_for(kind="classification", labels=["a", "b", "c"], hidden_sizes=[5, 7])
    assert [(m.in_features, m.out_features) for m in linear_layers(head)] == [
        (6, 5),
        (5, 7),
        (7, 3),
    ]


@pytest.mark.parametrize("name", ["gelu", "relu", "silu", "tanh"])
def test_the_activation_stands_behind_each_hidden_layer(name):
    head = head_for(kind="classification", labels=["a", "b"], hidden_sizes=[5], activation=name)
    first, last = linear_layers(head)
    activation = getattr(torch, name, None) or getattr(functional, name)
    u = vectors()
    torch.testing.assert_close(head(u), last(activation(first(u))))


@pytest.mark.parametrize("name", TASKS)
def test_dropout_acts_in_training_only(name):
    task = TaskConfig.from_entry(name, {**TASKS[name], "dropout": 0.5})
    head = HEADS[task.kind](WIDTH, task)
    u = vectors(32).reshape(8, 4, WIDTH) if name == "tags" else vectors(32)
    pair = (u, u.flip(0)) if name in SIAMESE else (u,)
    assert not torch.equal(head.train()(*pair), head(*pair))
    assert torch.equal(head.eval()(*pair), head(*pair))


def test_dropout_precedes_every_linear_layer():
    head = head_for(kind="classification", labels=["a", "b"], hidden_sizes=[5], dropout=0.3)
    probabilities = [m.p for m in head.modules() if isinstance(m, nn.Dropout)]
    assert probabilities == [0.3, 0.3]
    nothing = head_for(kind="classification", labels=["a", "b"], hidden_sizes=[5], dropout=0)
    u = vectors()
    torch.testing.assert_close(nothing.train()(u), nothing.eval()(u))


@pytest.mark.parametrize("features", [["u", "v", "difference"], ["product"], ["difference", "u"]])
def test_siamese_features_are_those_that_are_asked_for(features):
    head = head_for(kind="regression", input="pair", score_range=[0, 1], pair_features=features)
    (linear,) = linear_layers(head)
    u, v = vectors(seed=1), vectors(seed=2)
    all_of_them = {"u": u, "v": v, "difference": (u - v).abs(), "product": u * v}
    read = torch.cat([all_of_them[name] for name in features], dim=1)
    expected = 0.5 + functional.linear(read, linear.weight, linear.bias).squeeze(-1)
    torch.testing.assert_close(head(u, v), expected)


@pytest.mark.parametrize("kind", ["classification", "token_classification"])
def test_labels_are_smoothed_in_training_only(kind):
    head = head_for(kind=kind, labels=["a", "b", "c"], label_smoothing=0.3)
    shape = (4,) if kind == "classification" else (2, 4)
    logits = torch.randn(*shape, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(shape, dtype=torch.long)
    log_p = logits.log_softmax(-1)
    sharp, smooth = -log_p[..., 0].mean(), -(0.7 * log_p[..., 0] + 0.3 * log_p.mean(-1)).mean()
    torch.testing.assert_close(head.loss(logits, labels), sharp)
    torch.testing.assert_close(head.train().loss(logits, labels), smooth)


def test_cosine_embedding_pulls_alike_pairs_together_and_others_to_a_right_angle():
    head = head_for(kind="similarity", input="pair", score_range=[0, 5], loss="cosine_embedding")
    cosines = torch.tensor([0.2, 0.6, -0.4, 0.9])
    ours = [
        head.loss(5 * cosines[i : i + 1], torch.tensor([label]))
        for i, label in enumerate([5.0, 0.0, 0.0, 5.0])
    ]
    for i, target in enumerate([1, -1, -1, 1]):
        # torch's own loss, on two vectors of this cosine.
        c = cosines[i]
        u, v = torch.tensor([[1.0, 0.0]]), torch.stack([c, (1 - c * c).sqrt()]).unsqueeze(0)
        expected = functional.cosine_embedding_loss(u, v, torch.tensor([target]))
        torch.testing.assert_close(ours[i], expected)
    between = head.loss(5 * cosines[1:2], torch.tensor([2.0]))
    assert between.item() == pytest.approx(0.4 * 0.4 + 0.6 * 0.6)


@pytest.mark.parametrize("kind", ["regression", "similarity"])
def test_the_correlation_loss_is_one_minus_r(kind):
    head = head_for(kind=kind, input="pair", score_range=[0, 5], loss="correlation")
    scores = torch.tensor([1.0, 2.5, 3.0, 4.0], requires_grad=True)
    labels = torch.tensor([0.0, 3.0, 2.0, 5.0])
    r = torch.corrcoef(torch.stack([scores.detach(), labels]))[0, 1]
    loss = head.loss(scores, labels)
    torch.testing.assert_close(loss.detach(), 1 - r)
    # Neither another scale nor another zero changes it.
    torch.testing.assert_close(head.loss(3 * scores - 7, labels), loss)
    head.loss(torch.ones(4, requires_grad=True), labels).backward()  # finite without a spread

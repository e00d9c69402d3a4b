"""Ranking: sentence-transformers' loss, earlier rows as negatives, and several processes."""

import copy

import pytest
import torch
from torch.nn import functional

from modeling_hybrid_mtl import HybridMTLModel, ranking_hybrid_mtl
from modeling_hybrid_mtl.configuration_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from tests.modeling.toy_models import inputs_for, toy_model

ROWS, WIDTH = 8, 6
RANDOM = torch.Generator().manual_seed(7)
VECTORS = torch.randn(ROWS, 2, WIDTH, generator=RANDOM)
LABELS = torch.stack([torch.arange(ROWS), 100 + torch.arange(ROWS), torch.ones(ROWS)], 1).long()


def head_for(**options):
    fields = {"kind": "ranking", "input": "pair", "dropout": 0.0, "head_options": options}
    return HEADS["ranking"](WIDTH, TaskConfig.from_entry("search", fields)).train()


def loss_and_gradient(head, vectors=VECTORS, labels=LABELS):
    vectors = vectors.clone().requires_grad_()
    loss = head.loss(vectors, labels)
    return loss.detach(), torch.autograd.grad(loss, vectors)[0]


@pytest.mark.parametrize("scale", [20.0, 5.0])
@pytest.mark.parametrize("symmetric", [False, True])
def test_values_and_gradients_are_those_of_sentence_transformers(symmetric, scale):
    losses = pytest.importorskip("sentence_transformers.losses")
    directions = ("query_to_doc", "doc_to_query") if symmetric else ("query_to_doc",)
    theirs = losses.MultipleNegativesRankingLoss(
        None, scale=scale, directions=directions, partition_mode="per_direction"
    )
    vectors = VECTORS.clone().requires_grad_()
    expected = theirs.compute_loss_from_embeddings(list(vectors.unbind(1)), None)
    found, gradient = loss_and_gradient(head_for(scale=scale, symmetric=symmetric))
    torch.testing.assert_close(found, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, vectors)[0])


def test_the_scores_are_cosines():
    head, (u, v) = head_for().eval(), VECTORS.unbind(1)
    cosines = functional.cosine_similarity(u, v)
    torch.testing.assert_close(head(u, v), cosines)
    torch.testing.assert_close(head.postprocess(head(u, v)), cosines)


@pytest.mark.parametrize(
    "change",
    [
        {(1, 1): 100},  # the candidate of row 0 again
        {(1, 0): 0},  # another match of the query of row 0
        {(1, 1): 0},  # the query of row 0 as a candidate
    ],
)
def test_matches_are_not_negatives(change):
    labels = LABELS.clone()
    for place, value in change.items():
        labels[place] = value
    cosines = functional.normalize(VECTORS, dim=-1)
    scores = 20 * cosines[:, 0] @ cosines[:, 1].T
    excluded = torch.zeros(ROWS, ROWS, dtype=torch.bool)
    excluded[0, 1] = True
    if change != {(1, 1): 0}:
        excluded[1, 0] = True
    expected = functional.cross_entropy(scores.masked_fill(excluded, -1e9), torch.arange(ROWS))
    torch.testing.assert_close(head_for().loss(VECTORS, labels), expected)


def test_rows_that_do_not_match_are_negatives_only():
    labels = LABELS.clone()
    labels[5:, 2] = 0
    labels[5, 0] = 0  # a negative of the query of row 0
    cosines = functional.normalize(VECTORS, dim=-1)
    scores = 20 * cosines[:, 0] @ cosines[:, 1].T
    expected = functional.cross_entropy(scores[:5], torch.arange(5))
    torch.testing.assert_close(head_for().loss(VECTORS, labels), expected)
    none = labels.index_fill(1, torch.tensor([2]), 0)
    loss, gradient = loss_and_gradient(head_for(), labels=none)
    assert loss == 0 and torch.equal(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("symmetric", [False, True])
def test_earlier_rows_are_negatives_with_the_gradient_of_the_large_batch(symmetric):
    halves = (VECTORS[:4], LABELS[:4]), (VECTORS[4:], LABELS[4:])
    head = head_for(negatives=6, symmetric=symmetric)
    alone, _ = loss_and_gradient(head, *halves[0])
    torch.testing.assert_close(
        alone, loss_and_gradient(head_for(symmetric=symmetric), *halves[0])[0]
    )
    loss, gradient = loss_and_gradient(head, *halves[1])
    # By hand: the other half is constant, and its rows have no loss of their own.
    vectors = VECTORS[4:].clone().requires_grad_()
    rows = functional.normalize(torch.cat([vectors, VECTORS[:4]]), dim=-1)
    targets = torch.arange(4)
    expected = functional.cross_entropy(20 * rows[:4, 0] @ rows[:, 1].T, targets)
    if symmetric:
        back = functional.cross_entropy(20 * rows[:4, 1] @ rows[:, 0].T, targets)
        expected = (expected + back) / 2
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, vectors)[0])
    assert loss > loss_and_gradient(head_for(symmetric=symmetric), *halves[1])[0]


def test_earlier_rows_are_those_of_training_only():
    head = head_for(negatives=4)
    loss_and_gradient(head.eval())
    assert head.memory.rows() is None
    loss_and_gradient(head.train())
    kept = copy.deepcopy(head.memory.rows())
    torch.testing.assert_close(head.eval().loss(VECTORS, LABELS), head_for().loss(VECTORS, LABELS))
    assert torch.equal(head.memory.rows()[0], kept[0])


class Ranks:
    """Processes one after the other, which exchange what each would send."""

    def __init__(self, monkeypatch, count):
        self.count = count
        distributed = ranking_hybrid_mtl.distributed
        monkeypatch.setattr(distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(distributed, "get_world_size", lambda: count)
        monkeypatch.setattr(distributed, "get_rank", lambda: self.rank)
        monkeypatch.setattr(ranking_hybrid_mtl, "sum_over_processes", self.sum)

    def sum(self, values):
        whole = self.vectors if values.ndim == 3 else self.labels
        own = torch.arange(self.rank, len(whole), self.count)
        return values + whole.index_fill(0, own, 0)

    def losses(self, heads, vectors, labels):
        self.vectors, self.labels = functional.normalize(vectors, dim=-1), labels
        for self.rank, head in enumerate(heads):
            share = slice(self.rank, None, self.count)
            yield head.loss(vectors[share], labels[share])


@pytest.mark.parametrize("symmetric", [False, True])
def test_two_processes_have_the_loss_and_the_gradient_of_one(monkeypatch, symmetric):
    options = {"negatives": 5, "symmetric": symmetric}
    labels = LABELS.clone()
    labels[4:7, 2] = 0  # two rows of one process, and one of the other
    one = head_for(**options)
    expected = [loss_and_gradient(one, VECTORS, labels), loss_and_gradient(one, -VECTORS, LABELS)]
    ranks, heads = Ranks(monkeypatch, 2), [head_for(**options) for _ in range(2)]
    for (loss, gradient), sign, of_step in zip(expected, (1, -1), (labels, LABELS), strict=True):
        vectors = (sign * VECTORS).requires_grad_()
        mean = sum(ranks.losses(heads, vectors, of_step)) / 2
        torch.testing.assert_close(mean.detach(), loss)
        torch.testing.assert_close(torch.autograd.grad(mean, vectors)[0], gradient)
    for head in heads:
        torch.testing.assert_close(head.memory.rows(), one.memory.rows())


def test_a_model_ranks_with_its_own_vectors_and_saves_no_earlier_rows(tmp_path):
    fields = {"kind": "ranking", "input": "pair", "head_options": {"negatives": 5}}
    model = toy_model(tasks={"search": fields}).train()
    labels = LABELS[:3]
    output = model(**inputs_for("near"), task="search", labels=labels)
    output.loss.backward()
    assert model.heads["search"].memory.rows() is not None
    model.save_pretrained(tmp_path)
    loaded = HybridMTLModel.from_pretrained(tmp_path)
    assert loaded.heads["search"].memory.rows() is None
    assert not [name for name in loaded.state_dict() if "memory" in name]
    output = loaded(**inputs_for("near"), task="search")
    torch.testing.assert_close(
        loaded.heads["search"].measured_outputs(output), output.embeddings.float()
    )
    torch.testing.assert_close(
        output.logits, functional.cosine_similarity(*output.embeddings.unbind(1))
    )


@pytest.mark.parametrize(
    ("field", "entry"),
    [
        ("input", {"input": "single"}),
        ("pair_encoding", {"pair_encoding": "cross"}),
        ("score_range", {"score_range": [0, 1]}),
        ("pooling", {"pooling": "attention"}),
        ("head_options", {"head_options": {"scale": 0.0}}),
        ("head_options", {"head_options": {"negatives": -1}}),
        ("loss", {"loss": "cosent"}),
        ("labels", {"labels": ["no", "yes"]}),
    ],
)
def test_invalid_fields_are_refused(field, entry):
    with pytest.raises(ValueError, match=f"task 'task': field '{field}'"):
        TaskConfig.from_entry("task", {"kind": "ranking", "input": "pair", **entry})

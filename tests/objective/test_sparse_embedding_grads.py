import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.toys import toy_model, toy_trainer
from trainer.objective import SharedGradients
from trainer.objective.aggregators import make_aggregator
from trainer.objective.sparse_embedding_grads import TableRows, entries

TEXTS = {"a": [3, 1, 3], "b": [4, 1], "c": [3, 3, 0]}


def gradients(sparse):
    """Each task's gradient of a table (6, 2), from tokens that come more than once."""
    found = []
    for task, ids in TEXTS.items():
        table = nn.Parameter(torch.zeros(6, 2))
        vectors = functional.embedding(torch.tensor(ids), table, sparse=sparse)
        factors = torch.randn(len(ids), 2, generator=torch.Generator().manual_seed(ord(task)))
        (vectors * factors).sum().backward()
        found.append(table.grad)
    return found


def test_to_dense_restores_the_dense_gradients():
    rows = TableRows(nn.Parameter(torch.zeros(6, 2)))
    to_rows = rows.to_rows(gradients(sparse=True))
    assert [tuple(g.shape) for g in to_rows] == [(4, 2)] * 3
    for ours, dense in zip(to_rows, gradients(sparse=False), strict=True):
        assert torch.equal(rows.to_dense(ours), dense)


def test_inner_products_are_those_of_the_dense_gradients():
    to_rows = TableRows(nn.Parameter(torch.zeros(6, 2))).to_rows(gradients(sparse=True))
    dense = gradients(sparse=False)
    for i in range(3):
        for j in range(3):
            ours, theirs = (to_rows[i] * to_rows[j]).sum(), (dense[i] * dense[j]).sum()
            torch.testing.assert_close(ours, theirs)


def test_a_task_that_reached_no_row_has_zeros():
    rows = TableRows(nn.Parameter(torch.zeros(6, 2)))
    first, second = rows.to_rows([gradients(sparse=True)[0], None])
    assert first.shape == second.shape == (2, 2) and (second == 0).all()


def test_a_table_is_used_again_and_clean():
    rows = TableRows(nn.Parameter(torch.zeros(6, 2)))
    (to_rows, *_) = rows.to_rows(gradients(sparse=True))
    first = rows.to_dense(to_rows)
    first *= 7  # as clipping does
    rows.recycle()
    again = rows.to_dense(torch.zeros_like(to_rows))
    assert again.data_ptr() == first.data_ptr() and (again == 0).all()
    assert rows.to_dense(to_rows).data_ptr() != again.data_ptr()


def test_entries_leave_the_norm_alone():
    for sparse, dense in zip(gradients(True), gradients(False), strict=True):
        torch.testing.assert_close(entries(sparse).norm(), dense.norm())
        assert entries(dense) is dense


def test_batches_of_a_task_add_up():
    table = nn.Parameter(torch.zeros(6, 2))
    collected = SharedGradients([table], make_aggregator("sum", ["a"]), keep=False, measure=False)
    for ids in ([3, 1], [1, 5]):
        with collected.record("a"):
            functional.embedding(torch.tensor(ids), table, sparse=True).sum().backward()
    parameters, own = collected.pop(1)
    assert parameters == [table]
    (whole,) = collected.to_dense(own["a"])
    assert whole[:, 0].tolist() == [0, 2, 0, 1, 0, 1]


@pytest.mark.parametrize("aggregator", ["sum", "pcgrad"])
def test_a_run_by_rows_equals_a_run_with_dense_gradients(tmp_path, monkeypatch, aggregator):
    weights = []
    for name in ("rows", "dense"):
        # Adam would make a step of the rounding of a gradient that is zero.
        options = {"optim": "sgd", "learning_rate": 0.1, "weight_decay": 0.0}
        options |= {"aggregator": aggregator, "logging_steps": 3, "gradient_accumulation_steps": 2}
        trainer = toy_trainer(tmp_path / name, model=toy_model(), max_steps=4, **options)
        seen = []
        forward = functional.embedding

        def embedding(*args, seen=seen, forward=forward, dense=name == "dense", **kwargs):
            seen.append(args[6])
            return forward(*args[:6], args[6] and not dense, **kwargs)

        monkeypatch.setattr(functional, "embedding", embedding)
        trainer.train()
        monkeypatch.setattr(functional, "embedding", forward)
        assert any(seen)
        weights.append(trainer.model.state_dict())
    for key, weight in weights[0].items():
        torch.testing.assert_close(weight, weights[1][key], rtol=1e-5, atol=1e-7, msg=key)


def test_the_table_is_dense_again_after_training(tmp_path):
    trainer = toy_trainer(tmp_path, aggregator="pcgrad", max_steps=1)
    trainer.train()
    assert trainer.model.get_input_embeddings().sparse is False

"""Normalization in heads: its place, its statistics, and where it is refused."""

import pytest
import torch
from torch import nn
from transformers import Trainer

from modeling_hybrid_mtl import HybridMTLModel, TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from modeling_hybrid_mtl.normalization_hybrid_mtl import BatchNorm, batch_norms, unrecorded
from tests.modeling.toy_models import TASKS, inputs_for, toy_model, varied_model

WIDTH = 6
LABELS = {"kind": "classification", "labels": ["a", "b"]}
NEAR = {"kind": "similarity", "input": "pair", "score_range": [0, 5]}


def rows(count, seed=0):
    return 3 + 2 * torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))


def head_for(**entry):
    task = TaskConfig.from_entry("task", {**LABELS, **entry})
    return HEADS[task.kind](WIDTH, task)


def kinds_of(head):
    return [type(layer).__name__ for layer in head.layers]


def test_values_gradients_and_statistics_are_those_of_torch():
    ours, torchs = BatchNorm(WIDTH), nn.BatchNorm1d(WIDTH, momentum=None)
    for seed in range(3):
        found, wanted = (rows(8, seed).requires_grad_() for _ in range(2))
        mine, theirs = ours(found), torchs(wanted)
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
        mine.square().mul(rows(8, 9)).sum().backward()
        theirs.square().mul(rows(8, 9)).sum().backward()
        torch.testing.assert_close(found.grad, wanted.grad, rtol=1e-3, atol=1e-4)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(ours, name), getattr(torchs, name))
    torch.testing.assert_close(ours.eval()(rows(2)), torchs.eval()(rows(2)))


def test_after_ten_updates_the_momentum_is_constant():
    norm = BatchNorm(WIDTH)
    for seed in range(12):
        before = norm.running_mean.clone()
        norm(rows(8, seed))
    torch.testing.assert_close(norm.running_mean, before.lerp(rows(8, 11).mean(dim=0), 0.1))


@pytest.mark.parametrize("sizes", [[24], [8, 8, 8], [1] * 24, [20, 1, 3]])
def test_an_update_per_step_does_not_depend_on_the_division_into_batches(sizes):
    norm, data = BatchNorm(WIDTH), rows(24)
    norm.updates = "step"
    for part in data.split(sizes):
        norm(part)
    assert norm.num_batches_tracked == 0
    norm.update()
    torch.testing.assert_close(norm.running_mean, data.mean(dim=0))
    torch.testing.assert_close(norm.running_var, data.var(dim=0))


def test_a_single_row_is_normalized_by_the_running_statistics():
    norm = BatchNorm(WIDTH)
    norm(rows(8))
    row = rows(1, seed=1).requires_grad_()
    before = norm.running_mean.clone()
    output = norm(row)
    torch.testing.assert_close(output, norm.eval()(row))
    assert torch.equal(norm.running_mean, before)
    output.sum().backward()
    assert row.grad.isfinite().all() and row.grad.abs().min() > 0


def test_values_that_are_not_finite_leave_the_statistics():
    norm = BatchNorm(WIDTH)
    norm(rows(8))
    before = norm.running_mean.clone(), norm.running_var.clone()
    norm(torch.full((4, WIDTH), torch.nan))
    assert torch.equal(norm.running_mean, before[0]) and torch.equal(norm.running_var, before[1])
    assert norm.num_batches_tracked == 1


def test_dropped_and_unrecorded_batches_leave_the_statistics():
    norm = BatchNorm(WIDTH)
    with unrecorded([norm]):
        norm(rows(8))
    norm.updates = "step"
    norm(rows(8))
    norm.drop()
    norm.update()
    assert norm.num_batches_tracked == 0 and norm.running_mean.abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_normalized_in_float32(dtype):
    norm, data = BatchNorm(WIDTH).to(dtype), rows(64).to(dtype)
    output = norm(data)
    assert output.dtype == dtype
    assert output.float().mean(dim=0).abs().max() < 1e-2
    torch.testing.assert_close(norm.running_mean, data.float().mean(dim=0).to(dtype))


def test_the_place_is_before_each_activation_or_else_the_input():
    linear = ["Dropout", "Linear"]
    deep = head_for(normalization="batch", hidden_sizes=[4, 3])
    assert kinds_of(deep) == [*linear, "BatchNorm", "GELU", *linear, "BatchNorm", "GELU", *linear]
    assert kinds_of(head_for(normalization="layer")) == ["LayerNorm", *linear]
    assert kinds_of(head_for()) == linear


def test_a_cosine_of_normalized_vectors_is_symmetric_in_training():
    task = TaskConfig.from_entry("near", {**NEAR, "normalization": "batch", "dropout": 0.0})
    head = HEADS["similarity"](WIDTH, task)
    u, v = rows(5), rows(5, seed=1) + 4
    torch.testing.assert_close(head(u, v), head(v, u))
    assert kinds_of(head) == ["BatchNorm", "Dropout"]


def test_norms_have_no_weight_decay():
    model = varied_model()
    decayed = Trainer.get_decay_parameter_names(None, model)
    assert not [name for name in decayed if "norm" in name.lower()]
    assert "heads.mood.layers.1.weight" in decayed


@pytest.mark.parametrize(
    ("field", "entry", "message"),
    [
        ("normalization", {"normalization": "group"}, "must be one of none, batch, layer"),
        (
            "normalization",
            {"kind": "token_classification", "normalization": "batch"},
            "statistics of tokens would include padding; use 'layer'",
        ),
    ],
)
def test_invalid_normalization_is_refused(field, entry, message):
    with pytest.raises(ValueError, match=f"task 'task': field '{field}' = .*: {message}"):
        TaskConfig.from_entry("task", {**LABELS, **entry})


def test_statistics_are_saved_and_loaded(tmp_path):
    model = varied_model()
    model.save_pretrained(tmp_path)
    loaded = HybridMTLModel.from_pretrained(tmp_path)
    assert len(batch_norms(loaded)) == 2
    for ours, theirs in zip(batch_norms(model), batch_norms(loaded), strict=True):
        assert ours.num_batches_tracked == theirs.num_batches_tracked == 1
        assert torch.equal(ours.running_mean, theirs.running_mean)
        assert torch.equal(ours.running_var, theirs.running_var)
    for task in TASKS:
        inputs = inputs_for(task)
        found, wanted = (x(**inputs, task=task).logits for x in (loaded, model))
        torch.testing.assert_close(found, wanted)


def test_statistics_are_saved_in_half_precision(tmp_path):
    varied_model().to(torch.bfloat16).save_pretrained(tmp_path)
    norm = batch_norms(HybridMTLModel.from_pretrained(tmp_path))[0]
    assert norm.running_var.dtype == torch.bfloat16 and norm.num_batches_tracked == 1


def test_new_heads_on_a_saved_encoder_have_initial_statistics(tmp_path):
    toy_model(tasks={"mood": TASKS["mood"]}).save_pretrained(tmp_path)
    new = {"topic": {**LABELS, "normalization": "batch", "hidden_sizes": [4]}}
    (norm,) = batch_norms(HybridMTLModel.from_backbone(tmp_path, new))
    assert norm.running_mean.tolist() == [0] * 4 and norm.running_var.tolist() == [1] * 4
    assert norm.weight.tolist() == [1] * 4 and norm.num_batches_tracked == 0

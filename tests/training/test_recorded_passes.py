"""Replayed passes, with recordings that run the encoder again in place of a GPU's graphs."""

import pytest
import torch

from modeling_hybrid_mtl import unpadding_hybrid_mtl, varlen_attention_hybrid_mtl
from modeling_hybrid_mtl.varlen_attention_hybrid_mtl import kernel_for
from tests.modeling.test_varlen_attention_hybrid_mtl import reference
from tests.modeling.toy_models import LENGTHS, toy_batch, toy_model
from trainer.training import recorded_passes
from trainer.training.recorded_passes import MAX_PASSES, RecordedPasses


class Rerun:
    """A recording whose replay runs the encoder: its tensors have the same places every time."""

    made: list = []

    def __init__(self, encoder, row, unpadding, parameters, gradients, pool):
        self.encoder, self.parameters, self.buffers = encoder, parameters, gradients
        self.row = {k: v.clone() for k, v in row.items() if isinstance(v, torch.Tensor)}
        self.unpadding, self.outputs = unpadding, None
        self.gradients = gradients
        self.made.append(self)

    def run(self, row, starts):
        self.row = {name: row[name] for name in self.row}
        lengths = starts.diff().tolist()
        attention = varlen_attention_hybrid_mtl.Ragged.from_lengths(lengths, "cpu")
        unpadding = recorded_passes.replace(self.unpadding, attention=attention)
        with torch.enable_grad():
            self.graph = self.encoder(**self.row, unpadding=unpadding).last_hidden_state
        new = self.graph.detach()
        self.outputs = new if self.outputs is None else self.outputs.copy_(new)

    def backpropagate(self, output_gradients):
        with torch.enable_grad():
            found = torch.autograd.grad(
                self.graph, self.parameters, output_gradients, allow_unused=True
            )
        for to, new in zip(self.buffers, found, strict=True):
            if new is not None:
                to.copy_(new)
        self.gradients = [
            None if n is None else b for b, n in zip(self.buffers, found, strict=True)
        ]


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setattr(varlen_attention_hybrid_mtl, "KERNELS", (reference,))
    monkeypatch.setattr(unpadding_hybrid_mtl, "_is_cpu", lambda device: False)
    monkeypatch.setattr(Rerun, "made", [])
    kernel_for.cache_clear()
    yield toy_model().train()
    kernel_for.cache_clear()


def loss_of(model, lengths=LENGTHS, seed=1):
    torch.manual_seed(seed)
    batch = toy_batch(lengths)
    batch["input_ids"] = torch.randint(5, 90, batch["input_ids"].shape) * batch["attention_mask"]
    return model(**batch).embeddings.square().sum()


def gradients_of(model, *losses):
    model.zero_grad()
    for loss in losses:
        loss().backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)


def test_a_replayed_pass_has_the_values_and_gradients_of_its_own_rows(model):
    wanted = [gradients_of(model, lambda i=i: loss_of(model, seed=i)) for i in range(4)]
    passes = model.run_row = RecordedPasses(model.backbone, Rerun)
    for i in range(4):
        passes.begin_step()
        assert_equal(gradients_of(model, lambda i=i: loss_of(model, seed=i)), wanted[i])
        assert len(Rerun.made) == (i > 0)  # the second pass of a shape is recorded


def test_texts_of_other_lengths_share_a_recording(model):
    others = [*LENGTHS[:-2], LENGTHS[-2] - 1, LENGTHS[-1] + 1]
    wanted = gradients_of(model, lambda: loss_of(model, others))
    passes = model.run_row = RecordedPasses(model.backbone, Rerun)
    for _ in range(2):
        passes.begin_step()
        gradients_of(model, lambda: loss_of(model))
    passes.begin_step()
    assert_equal(gradients_of(model, lambda: loss_of(model, others)), wanted)
    assert len(Rerun.made) == 1


def test_passes_of_one_step_do_not_share_gradients(model):
    parts = [lambda i=i: loss_of(model, seed=i) for i in range(MAX_PASSES + 2)]
    wanted = gradients_of(model, *parts)
    passes = model.run_row = RecordedPasses(model.backbone, Rerun)
    for _ in range(3):
        passes.begin_step()
        assert_equal(gradients_of(model, *parts), wanted)
    assert len(Rerun.made) == MAX_PASSES


def test_passes_whose_graph_is_joined_are_backpropagated_together(model):
    def both():
        return loss_of(model, seed=1) * loss_of(model, seed=2)

    wanted = gradients_of(model, both)
    passes = model.run_row = RecordedPasses(model.backbone, Rerun)
    for _ in range(3):
        passes.begin_step()
        assert_equal(gradients_of(model, both), wanted)
    assert len(Rerun.made) == 2


@pytest.mark.parametrize("change", ["weights", "frozen", "mode"])
def test_a_changed_encoder_is_recorded_anew(model, change):
    layer = model.backbone.encoder.layer[0]
    passes = model.run_row = RecordedPasses(model.backbone, Rerun)
    for step in range(5):
        if step == 2:
            if change == "weights":
                layer.output.dense.weight.data = layer.output.dense.weight.data.clone()
            elif change == "frozen":
                layer.requires_grad_(False)
            else:
                layer.eval()
        passes.begin_step()
        gradients_of(model, lambda: loss_of(model))
        assert len(Rerun.made) == [0, 1, 1, 2, 2][step]
    model.run_row = None
    wanted = gradients_of(model, lambda: loss_of(model))
    model.run_row = passes
    passes.begin_step()
    assert_equal(gradients_of(model, lambda: loss_of(model)), wanted)


def test_what_cannot_be_recorded_is_run(model, caplog):
    def failing(*_):
        raise RuntimeError("operation not permitted when stream is capturing\ndetails")

    wanted = gradients_of(model, lambda: loss_of(model))
    passes = model.run_row = RecordedPasses(model.backbone, failing)
    for _ in range(3):
        passes.begin_step()
        assert_equal(gradients_of(model, lambda: loss_of(model)), wanted)
    assert [record.message for record in caplog.records] == [
        "CUDA graphs: passes of the encoder run without them: operation not permitted when stream "
        "is capturing"
    ]


def test_noise_at_the_embeddings_and_evaluation_are_not_replayed(model):
    passes = model.run_row = RecordedPasses(model.backbone, Rerun)
    handle = model.get_input_embeddings().register_forward_hook(lambda *_: None)
    for _ in range(3):
        passes.begin_step()
        loss_of(model).backward()
    handle.remove()
    with torch.no_grad():
        for _ in range(3):
            loss_of(model)
    model.eval()
    for _ in range(3):
        loss_of(model)
    assert not Rerun.made


def test_few_shapes_are_recorded(model, monkeypatch):
    monkeypatch.setattr(recorded_passes, "MAX_SHAPES", 2)
    passes = model.run_row = RecordedPasses(model.backbone, Rerun)
    for _ in range(2):
        for texts in (3, 4, 5):
            passes.begin_step()
            loss_of(model, [7] * texts).backward()
    assert len(Rerun.made) == 2

"""Half precision is for what is read, not for what is trained."""

import json
import logging

import pytest
import torch
from transformers import AutoConfig, AutoModel, BertModel, set_seed

from modeling_hybrid_mtl import HybridMTLModel
from tests.toys import TASKS, toy_backbone_config, toy_model, toy_trainer
from trainer.training.precision import cast

HALVES = [torch.bfloat16, torch.float16]


def dtypes(model):
    return {p.dtype for p in model.parameters()}


def share_moved(before, model):
    """The share of the encoder's weights that training moved, of those that it reaches."""
    moved = [(p.detach() != before[n]) for n, p in model.named_parameters() if "layer.0" in n]
    return torch.cat([part.flatten() for part in moved]).float().mean().item()


@pytest.mark.parametrize(
    ("half", "options"),
    [
        (torch.bfloat16, {}),
        (torch.float16, {}),
        (torch.bfloat16, {"optimizer_layout": "overlapping"}),
        (torch.float16, {"bf16": True}),
    ],
    ids=str,
)
def test_small_steps_are_not_lost_whatever_the_weights_come_in(tmp_path, caplog, half, options):
    model = toy_model().to(half)
    whole = toy_trainer(tmp_path, model=toy_model().to(half).float(), learning_rate=2e-5, **options)
    trainer = toy_trainer(tmp_path, model=model, learning_rate=2e-5, max_steps=2, **options)
    whole.args.max_steps = 2
    before = {n: p.detach().float() for n, p in model.named_parameters()}
    assert trainer.evaluate()["eval_loss"] > 0 and dtypes(model) == {half}  # to be read only
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            trainer.train()
            whole.train()
    assert dtypes(model) == {torch.float32} and share_moved(before, model) > 0.9
    for ours, theirs in zip(model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    told = [record for record in caplog.records if "trained, and saved, in float32" in record.msg]
    assert len(told) == 1


def test_weights_that_are_more_exact_stay_so(tmp_path):
    model = toy_model().double()
    toy_trainer(tmp_path, model=model, max_steps=1).train()
    assert dtypes(model) == {torch.float64}


def test_frozen_weights_and_additions_are_float32_too(tmp_path):
    model = toy_model().to(torch.bfloat16)
    toy_trainer(tmp_path, model=model, max_steps=1, trainable="adapters").train()
    assert dtypes(model) == {torch.float32}


@pytest.mark.parametrize("half", HALVES)
def test_a_new_model_is_float32_with_a_warning_unless_a_dtype_is_given(tmp_path, half, caplog):
    set_seed(0)
    encoder = BertModel(toy_backbone_config()).to(half)
    encoder.save_pretrained(tmp_path / "encoder")
    logging.getLogger("transformers").propagate = True
    with caplog.at_level(logging.WARNING):
        model = HybridMTLModel.from_backbone(tmp_path / "encoder", TASKS)
    assert f"are converted from {half} to" in caplog.text
    assert dtypes(model) == {torch.float32}
    assert torch.equal(
        model.backbone.embeddings.word_embeddings.weight,
        encoder.embeddings.word_embeddings.weight.float(),
    )
    asked = HybridMTLModel.from_backbone(tmp_path / "encoder", TASKS, dtype=half)
    assert dtypes(asked) == {half}
    model.save_pretrained(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["dtype"] == config["backbone_config"]["dtype"] == "float32"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_finished_model_opens_in_what_it_was_saved_in(tmp_path, dtype):
    model = toy_model()
    model.config.backbone_config.dtype = torch.float32
    cast(model, dtype)
    model.save_pretrained(tmp_path)
    for opened in (HybridMTLModel.from_pretrained(tmp_path), AutoModel.from_pretrained(tmp_path)):
        assert dtypes(opened) == {getattr(torch, dtype)}
    config = AutoConfig.from_pretrained(tmp_path)
    assert config.backbone_config.dtype == config.dtype == getattr(torch, dtype)

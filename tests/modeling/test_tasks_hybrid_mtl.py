"""`from_backbone` on a trained model: its encoder goes on, and the heads that are asked for."""

import logging

import pytest
import torch
from transformers import AutoModel

from modeling_hybrid_mtl import HybridMTLModel
from tests.modeling.toy_models import TASKS, inputs_for, toy_model, with_adapters

TOPIC = {"topic": {"kind": "classification", "labels": ["a", "b"]}}
FEW = {name: TASKS[name] for name in ("mood", "same", "near")}


def answer(model, task):
    return model.eval()(**inputs_for(task), task=task).logits


@pytest.fixture
def said(monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    return lambda: next(r.getMessage() for r in caplog.records if "trained model" in r.message)


@pytest.mark.parametrize("adapters", [(), ("shared",), ("shared", "mood", "near")], ids=str)
def test_tasks_that_stay_answer_as_before(tmp_path, adapters, said):
    first = with_adapters(toy_model(tasks=FEW), *adapters)
    first.save_pretrained(tmp_path / "first")
    tasks = {"mood": TASKS["mood"], "same": TASKS["same"], **TOPIC}
    model = HybridMTLModel.from_backbone(tmp_path / "first", tasks)
    for task in ("mood", "same"):
        torch.testing.assert_close(answer(model, task), answer(first, task), rtol=1e-4, atol=1e-5)
    assert list(model.config.adapters) == [n for n in adapters if n == "mood"]
    assert "heads kept: mood, same; new heads: topic; dropped: near" in said()
    model.save_pretrained(tmp_path / "second")
    again = AutoModel.from_pretrained(tmp_path / "second")
    assert torch.equal(answer(again, "topic"), answer(model, "topic"))


def test_a_single_task_s_adapter_goes_into_the_encoder(tmp_path):
    first = with_adapters(toy_model(tasks={"mood": TASKS["mood"]}), "mood")
    first.save_pretrained(tmp_path)
    model = HybridMTLModel.from_backbone(tmp_path, TOPIC)
    ids = inputs_for("mood")["input_ids"]
    expected = first(ids, task="mood").embeddings
    torch.testing.assert_close(model(ids).embeddings, expected, rtol=1e-4, atol=1e-5)
    assert not model.config.adapters


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["good", "so-so", "bad"]},
        {"labels": ["bad", "so-so", "fine"]},
        {"labels": ["bad", "good"]},
        {"hidden_sizes": []},
        {"activation": "tanh"},
    ],
    ids=str,
)
def test_a_head_that_would_mean_something_else_is_a_new_one(tmp_path, change, said):
    first = toy_model(tasks=FEW)
    first.save_pretrained(tmp_path)
    model = HybridMTLModel.from_backbone(tmp_path, {**FEW, "mood": {**TASKS["mood"], **change}})
    assert f"heads kept: same, near; new heads: mood ({next(iter(change))} changed)" in said()
    names = [name for name in model.state_dict() if name.startswith("heads.mood.")]
    old = first.state_dict()
    for name in (name for name in names if name.endswith("weight")):
        assert name not in old or not torch.equal(old[name], model.state_dict()[name])


def test_what_only_training_reads_keeps_the_head(tmp_path):
    first = toy_model(tasks=FEW)
    first.save_pretrained(tmp_path)
    changed = {**TASKS["mood"], "dropout": 0.4, "loss_weight": 3.0, "label_smoothing": 0.1}
    model = HybridMTLModel.from_backbone(
        tmp_path, {"mood": changed}, pooled_dropout=0.3, backbone_dropout=0.2
    )
    assert torch.equal(answer(model, "mood"), answer(first, "mood"))
    assert model.config.tasks["mood"]["dropout"] == 0.4 and model.pooled_dropout.p == 0.3
    assert model.config.backbone_config.hidden_dropout_prob == 0.2


def test_the_pooling_is_the_trained_model_s(tmp_path):
    toy_model(tasks=FEW, pooling="cls").save_pretrained(tmp_path)
    assert HybridMTLModel.from_backbone(tmp_path, TOPIC).config.pooling == "cls"
    with pytest.raises(ValueError, match="pooling = 'mean': the model was trained with 'cls'"):
        HybridMTLModel.from_backbone(tmp_path, TOPIC, pooling="mean")

import json

import pytest
import torch

from tests.export.toy_exports import toy_folder
from tests.modeling.toy_models import BACKBONES, TASKS, toy_batch, toy_model, with_adapters
from trainer.errors import InputError
from trainer.export import export, to_onnx
from trainer.export.folder import read_description
from trainer.export.onnx_model import OnnxModel

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def graphs(folder, precision="float"):
    return OnnxModel(folder, read_description(folder), precision)


def inputs_of(task, lengths, seed):
    """Inputs of shapes that no graph was traced with or checked on."""
    inputs = toy_batch(lengths, seed=seed)
    if task is None or TASKS[task].get("input") != "pair":
        return inputs
    if TASKS[task].get("pair_encoding") == "cross":
        return {**inputs, "token_type_ids": (torch.arange(max(lengths)) > 3).long() * inputs["attention_mask"]}
    second = toy_batch(lengths[::-1], seed=seed + 1)
    return inputs | {f"pair_{name}": value for name, value in second.items()}


@torch.no_grad()
def check_same(model, other, tasks, tolerance=1e-5):
    for task in (None, *tasks):
        for seed, lengths in enumerate([[1], [6, 6], [11, 2, 4, 19, 3]]):
            inputs = inputs_of(task, lengths, 10 * seed)
            ours, theirs = model(**inputs, task=task), other(**inputs, task=task)
            torch.testing.assert_close(
                theirs.embeddings, ours.embeddings, atol=tolerance, rtol=0
            )
            if task is not None:
                torch.testing.assert_close(theirs.logits, ours.logits, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
@pytest.mark.parametrize("kind", BACKBONES)
def test_every_kind_of_task_answers_as_in_torch(tmp_path, kind, pooling):
    if pooling == "pooler":
        if kind != "bert":
            pytest.skip("one encoder with a pooler is enough")
    model = toy_folder(tmp_path / "model", kind=kind, pooling=pooling)
    # A tokenizer like this one makes token types, for RoBERTa too, which has no vector for them.
    if kind == "roberta":
        model.config.backbone_config.type_vocab_size = 2
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    tasks = [task for task in TASKS if kind in ("bert", "modernbert", "distilbert") or task not in ("follows", "overlap")]
    check_same(model, graphs(tmp_path / "onnx"), tasks)


def test_folder_describes_itself(tmp_path, capsys):
    toy_folder(tmp_path / "model", pooling="cls")
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    described = read_description(tmp_path / "onnx")
    assert list(described["graphs"]) == ["shared"]
    (graph,) = described["graphs"].values()
    assert set(graph["outputs"]) == {"embeddings", *(f"logits_{task}" for task in TASKS)}
    for file in graph["files"].values():
        session = onnxruntime.InferenceSession(str(tmp_path / "onnx" / file))
        assert [i.name for i in session.get_inputs()] == list(described["inputs"])
        assert {o.name for o in session.get_outputs()} == set(graph["outputs"])
        assert session.get_inputs()[0].shape == ["rows", "length"]
        loaded = onnx.load(tmp_path / "onnx" / file, load_external_data=False)
        assert not any(weight.external_data for weight in loaded.graph.initializer)
    assert described["files"] == [
        "float/shared.onnx",
        "int8/shared.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert described["max_length"] == 24
    assert described["largest_difference"] <= to_onnx.TOLERANCE
    assert set(described["int8_changes"]) == {"embeddings", *TASKS}
    assert str(tmp_path) not in json.dumps(described)
    printed = capsys.readouterr().out
    assert "largest difference from torch: " in printed
    assert "    near: a score changes by " in printed and "of labels unchanged" in printed


def test_int8_has_weights_of_one_byte_and_changes_what_is_said(tmp_path):
    model = toy_folder(tmp_path / "model")
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    file = onnx.load(tmp_path / "onnx/int8/shared.onnx")
    kinds = {weight.data_type for weight in file.graph.initializer if len(weight.dims) == 2}
    assert onnx.TensorProto.INT8 in kinds
    assert any(node.op_type == "MatMulInteger" for node in file.graph.node)
    small = graphs(tmp_path / "onnx", "int8")
    inputs = inputs_of("stars", [9, 4, 7], 5)
    with torch.no_grad():
        change = (model(**inputs, task="stars").logits - small(**inputs, task="stars").logits).abs()
    assert 0 < change.max() < 1


def test_tasks_with_adapters_have_graphs_of_their_own(tmp_path):
    model = with_adapters(toy_model(), "mood", "near", "shared")
    toy_folder(tmp_path / "model", model)
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    described = read_description(tmp_path / "onnx")["graphs"]
    assert list(described) == ["shared", "mood", "near"]
    assert set(described["mood"]["outputs"]) == {"embeddings", "logits_mood"}
    assert "logits_mood" not in described["shared"]["outputs"]
    check_same(model, graphs(tmp_path / "onnx"), TASKS)


def test_one_task_alone(tmp_path):
    model = with_adapters(toy_model(), "mood")
    toy_folder(tmp_path / "model", model)
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx", task="mood")
    alone = graphs(tmp_path / "onnx")
    assert list(alone.config.tasks) == ["mood"] and alone.config.adapters == {}
    inputs = inputs_of("mood", [5, 2], 3)
    with torch.no_grad():
        expected = model(**inputs, task="mood").logits
    torch.testing.assert_close(alone(**inputs, task="mood").logits, expected, atol=1e-5, rtol=0)


def test_a_graph_with_other_answers_is_refused(tmp_path, monkeypatch, nothing_left):
    toy_folder(tmp_path / "model")
    trace = to_onnx.Graph.forward

    def other(self, *inputs):
        vectors, *logits = trace(self, *inputs)
        return (vectors, logits[0] + 1e-3, *logits[1:])

    monkeypatch.setattr(to_onnx.Graph, "forward", other)
    with pytest.raises(InputError, match="gives other answers than the model: mood differs by"):
        export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    assert nothing_left("model")


def test_a_graph_with_nan_is_refused(tmp_path, monkeypatch):
    toy_folder(tmp_path / "model")
    trace = to_onnx.Graph.forward

    def other(self, *inputs):
        vectors, *logits = trace(self, *inputs)
        return (vectors, logits[0] * float("nan"), *logits[1:])

    monkeypatch.setattr(to_onnx.Graph, "forward", other)
    with pytest.raises(InputError, match="mood differs by inf"):
        export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")


def test_too_large_a_model_is_refused(tmp_path, monkeypatch, nothing_left):
    toy_folder(tmp_path / "model")
    monkeypatch.setattr(to_onnx, "LARGEST_FILE", 1000)
    with pytest.raises(InputError, match="GiB of weights, and an ONNX file holds less than 2"):
        export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    assert nothing_left("model")


def test_an_encoder_that_cannot_be_traced_is_refused(tmp_path, monkeypatch, nothing_left):
    toy_folder(tmp_path / "model")

    def shape_by_value(self, ids, mask, types=None):
        return (torch.zeros(int(ids.sum()), 3),)

    monkeypatch.setattr(to_onnx.Graph, "forward", shape_by_value)
    with pytest.raises(InputError, match="encoder of type bert cannot be exported to ONNX"):
        export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    assert nothing_left("model")

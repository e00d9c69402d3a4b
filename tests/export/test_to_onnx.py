import json

import pytest
import torch

from tests.export.toy_exports import toy_folder
from tests.modeling.toy_models import (
    BACKBONES,
    TASKS,
    toy_batch,
    toy_model,
    varied_model,
    with_adapters,
)
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
    """Return inputs of shapes that differ from those of tracing and checking."""
    inputs = toy_batch(lengths, seed=seed)
    if task is None or TASKS[task].get("input") != "pair":
        return inputs
    if TASKS[task].get("pair_encoding") == "cross":
        return {
            **inputs,
            "token_type_ids": (torch.arange(max(lengths)) > 3).long() * inputs["attention_mask"],
        }
    second = toy_batch(lengths[::-1], seed=seed + 1)
    return inputs | {f"pair_{name}": value for name, value in second.items()}


@torch.no_grad()
def check_same(model, other, tasks, tolerance=1e-5):
    for task in (None, *tasks):
        for seed, lengths in enumerate([[1], [6, 6], [11, 2, 4, 19, 3]]):
            inputs = inputs_of(task, lengths, 10 * seed)
            ours, theirs = model(**inputs, task=task), other(**inputs, task=task)
            torch.testing.assert_close(theirs.embeddings, ours.embeddings, atol=tolerance, rtol=0)
            if task is not None:
                found, wanted = theirs.logits, ours.logits
                if wanted.dim() == 3:  # one row for each token, and padding is none
                    tokens = inputs["attention_mask"].bool()
                    found, wanted = found[tokens], wanted[tokens]
                torch.testing.assert_close(found, wanted, atol=tolerance, rtol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in BACKBONES if kind != "bert"])
def test_other_encoders_predict_as_in_torch(tmp_path, kind):
    model = toy_folder(tmp_path / "model", kind=kind)
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    check_same(model, graphs(tmp_path / "onnx"), TASKS)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["cls", "pooler"])
def test_other_poolings_predict_as_in_torch(tmp_path, pooling):
    model = toy_folder(tmp_path / "model", pooling=pooling)
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    check_same(model, graphs(tmp_path / "onnx"), TASKS)


@pytest.mark.slow
def test_normalization_attention_pooling_and_shared_layers_predict_as_in_torch(tmp_path):
    model = toy_folder(tmp_path / "model", varied_model())
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    check_same(model, graphs(tmp_path / "onnx"), TASKS)


def test_every_kind_of_task_predicts_as_in_torch(onnx_export):
    folder, model = onnx_export
    check_same(model, graphs(folder), TASKS)


def test_folder_describes_itself(onnx_export):
    folder, _ = onnx_export
    described = read_description(folder)
    assert list(described["graphs"]) == ["shared"]
    (graph,) = described["graphs"].values()
    assert set(graph["outputs"]) == {"embeddings", *(f"logits_{task}" for task in TASKS)}
    for file in graph["files"].values():
        session = onnxruntime.InferenceSession(str(folder / file))
        assert [i.name for i in session.get_inputs()] == list(described["inputs"])
        assert {o.name for o in session.get_outputs()} == set(graph["outputs"])
        assert session.get_inputs()[0].shape == ["rows", "length"]
        loaded = onnx.load(folder / file, load_external_data=False)
        assert not any(weight.external_data for weight in loaded.graph.initializer)
    assert described["files"] == [
        "README.md",
        "float/shared.onnx",
        "int8/shared.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert described["max_length"] == 24
    assert described["largest_difference"] <= to_onnx.TOLERANCE
    assert set(described["int8_changes"]) == {"embeddings", *TASKS}
    assert str(folder.parent) not in json.dumps(described)


def test_int8_has_weights_of_one_byte_and_nearly_the_same_outputs(onnx_export):
    folder, model = onnx_export
    file = onnx.load(folder / "int8/shared.onnx")
    kinds = {weight.data_type for weight in file.graph.initializer if len(weight.dims) == 2}
    assert onnx.TensorProto.INT8 in kinds
    assert any(node.op_type == "MatMulInteger" for node in file.graph.node)
    inputs = inputs_of("stars", [9, 4, 7], 5)
    small = graphs(folder, "int8")(**inputs)
    with torch.no_grad():
        cosines = torch.nn.functional.cosine_similarity(
            model(**inputs).embeddings, small.embeddings
        )
    assert 0.9 < cosines.min() < 1


@pytest.mark.slow
def test_tasks_with_adapters_have_graphs_of_their_own(tmp_path):
    model = with_adapters(toy_model(), "mood", "near", "shared")
    toy_folder(tmp_path / "model", model)
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    described = read_description(tmp_path / "onnx")["graphs"]
    assert list(described) == ["shared", "mood", "near"]
    assert set(described["mood"]["outputs"]) == {"embeddings", "logits_mood"}
    assert "logits_mood" not in described["shared"]["outputs"]
    check_same(model, graphs(tmp_path / "onnx"), TASKS)


def small_folder(folder):
    """Write a model with one task, which has an adapter."""
    model = with_adapters(toy_model(tasks={"mood": TASKS["mood"]}), "mood")
    return toy_folder(folder, model)


@pytest.mark.slow
def test_one_task_alone(tmp_path, capsys):
    model = small_folder(tmp_path / "model")
    export(str(tmp_path / "model"), tmp_path / "onnx", "onnx", task="mood")
    alone = graphs(tmp_path / "onnx")
    assert list(alone.config.tasks) == ["mood"] and alone.config.adapters == {}
    inputs = inputs_of("mood", [5, 2], 3)
    with torch.no_grad():
        expected = model(**inputs, task="mood").logits
    torch.testing.assert_close(alone(**inputs, task="mood").logits, expected, atol=1e-5, rtol=0)
    printed = capsys.readouterr().out
    assert "largest difference from torch: " in printed
    assert "    mood: probability change " in printed and "of labels unchanged" in printed


@pytest.mark.slow
def test_a_graph_with_other_outputs_is_refused(tmp_path, monkeypatch, nothing_left):
    small_folder(tmp_path / "model")
    trace = to_onnx.Graph.forward

    def other(self, input_ids, attention_mask, token_type_ids):
        vectors, logits = trace(self, input_ids, attention_mask, token_type_ids)
        return vectors, logits + 1e-2

    monkeypatch.setattr(to_onnx.Graph, "forward", other)
    with pytest.raises(InputError, match="differ from the model's: mood by"):
        export(str(tmp_path / "model"), tmp_path / "onnx", "onnx", task="mood")
    assert nothing_left("model")


def test_too_large_a_model_is_refused(tmp_path, monkeypatch, nothing_left):
    small_folder(tmp_path / "model")
    monkeypatch.setattr(to_onnx, "MAX_FILE_SIZE", 1000)
    with pytest.raises(InputError, match="GiB of weights; an ONNX file must be below 2"):
        export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    assert nothing_left("model")


def test_an_encoder_that_cannot_be_traced_is_refused(tmp_path, monkeypatch, nothing_left):
    small_folder(tmp_path / "model")

    def no_tracing(*args, **options):
        raise RuntimeError("step 1 of 3") from ValueError("a shape depends on a value\nadvice")

    monkeypatch.setattr(torch.onnx, "export", no_tracing)
    with pytest.raises(InputError) as caught:
        export(str(tmp_path / "model"), tmp_path / "onnx", "onnx")
    assert str(caught.value) == (
        "an encoder of type bert cannot be exported to ONNX by this version of torch: a shape "
        "depends on a value"
    )
    assert nothing_left("model")

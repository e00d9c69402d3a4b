import json

import pytest
import torch

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.export.toy_exports import LONG, PAIRS, TEXTS
from tests.modeling.toy_models import CROSS, SIAMESE, SINGLE, inputs_for, toy_tokenizer
from trainer.errors import InputError
from trainer.export import onnx_pipeline


@pytest.fixture(scope="module")
def pipes(onnx_export):
    """Return the pipeline of the model, and that of its export."""
    folder, model = onnx_export
    ours = HybridMTLPipeline(model=model, tokenizer=toy_tokenizer(), device="cpu")
    return ours, onnx_pipeline(folder)


def same(ours, theirs):
    """Return whether two predictions are equal up to the last digits of their scores."""
    if isinstance(ours, float):
        return theirs == pytest.approx(ours, abs=1e-4)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs


@pytest.mark.parametrize("task", [None, *SINGLE, *SIAMESE, *CROSS])
def test_predictions_are_those_of_the_model(pipes, task):
    ours, theirs = pipes
    inputs = PAIRS if task in (*SIAMESE, *CROSS) else [*TEXTS, LONG]
    for given in (inputs[0], inputs):
        for options in ({}, {"batch_size": 2}):
            assert same(ours(given, task=task, **options), theirs(given, task=task, **options))


def test_calibration_is_the_models(pipes, onnx_export):
    ours, theirs = pipes
    for options in ({}, {"calibrated": False}):
        expected, found = (pipe(TEXTS, task="urgency", **options) for pipe in pipes)
        assert same(expected, found)
        assert all(("needs_review" in answer) == (not options) for answer in found)
    assert not same(ours(TEXTS, task="urgency"), theirs(TEXTS, task="urgency", calibrated=False))
    described = json.loads((onnx_export[0] / "export.json").read_text())
    outputs = described["graphs"]["shared"]["outputs"]
    assert outputs["logits_urgency"].endswith("to be divided by 1.7")


def test_all_tasks_of_a_pair_and_mixed_inputs(pipes):
    ours, theirs = pipes
    mixed = [PAIRS[0], TEXTS[1], PAIRS[2]]
    assert set(theirs(PAIRS[0])) == {*SIAMESE, *CROSS}
    assert same(ours(mixed, batch_size=3), theirs(mixed, batch_size=3))
    assert same(ours(TEXTS, task="mood", top_k=2), theirs(TEXTS, task="mood", top_k=2))
    streamed = theirs(iter(TEXTS), task="mood", batch_size=2)
    assert same(ours(TEXTS, task="mood"), list(streamed))


def test_sentence_vectors(pipes):
    ours, theirs = pipes
    inputs = toy_tokenizer()(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = ours.model(**inputs).embeddings
        pairs = ours.model(**inputs_for("near")).embeddings
    torch.testing.assert_close(theirs.model(**inputs).embeddings, expected, atol=1e-5, rtol=0)
    found = theirs.model(**inputs_for("near"), task="near")
    torch.testing.assert_close(found.embeddings, pairs, atol=1e-5, rtol=0)


def test_int8_predictions_have_the_same_form(pipes, onnx_export):
    small = onnx_pipeline(onnx_export[0], precision="int8")
    for given in (TEXTS[0], PAIRS[1]):
        ours, theirs = pipes[0](given), small(given)
        assert ours.keys() == theirs.keys()
        for task, prediction in ours.items():
            assert type(prediction) is type(theirs[task])
    first, second = (pipe(TEXTS, task="mood", top_k=None) for pipe in (pipes[0], small))
    for a, b in zip(first, second, strict=True):
        chances = [{entry["label"]: entry["score"] for entry in side} for side in (a, b)]
        assert all(abs(chances[0][label] - chances[1][label]) < 0.2 for label in chances[0])


def test_wrong_calls_are_refused_as_by_the_model(pipes):
    for pipe in pipes:
        with pytest.raises(ValueError, match="no task 'none' in this model; its tasks: "):
            pipe(TEXTS, task="none")
        with pytest.raises(ValueError, match="task 'near' is siamese"):
            pipe.model(**inputs_for("mood"), task="near")
        with pytest.raises(ValueError, match="task 'mood' requires one text"):
            pipe(PAIRS[0], task="mood")


def test_options_reach_the_sessions(onnx_export):
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    pipe = onnx_pipeline(onnx_export[0], sess_options=options)
    (session,) = pipe.model._sessions.values()
    assert session.get_session_options().intra_op_num_threads == 1


def test_other_folders_and_precisions_are_refused(onnx_export, tmp_path):
    with pytest.raises(InputError, match="precision = 'int4': must be one of float, int8"):
        onnx_pipeline(onnx_export[0], precision="int4")
    with pytest.raises(InputError, match="is not an export: cannot read export.json"):
        onnx_pipeline(tmp_path)
    for content, message in (
        (
            {"format": "sentence-transformers", "files": []},
            "of format 'sentence-transformers', not",
        ),
        ([], "its export.json has no 'format'"),
    ):
        (tmp_path / "export.json").write_text(json.dumps(content))
        with pytest.raises(InputError, match=message):
            onnx_pipeline(tmp_path)
    described = json.loads((onnx_export[0] / "export.json").read_text())
    (tmp_path / "export.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match="float/shared.onnx' cannot be loaded"):
        onnx_pipeline(tmp_path)

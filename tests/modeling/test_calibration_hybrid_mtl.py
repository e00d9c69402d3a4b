"""A task's calibration: its fields, and what heads and pipeline do with them."""

import pytest
import torch

from modeling_hybrid_mtl.configuration_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from tests.modeling.toy_models import toy_model
from tests.modeling.toy_pipelines import TEXTS, new_pipeline

LOGITS = 3 * torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
LABELS = ["plot", "cast", "music"]


def head_for(kind="classification", **entry):
    task = TaskConfig.from_entry("task", {"kind": kind, "labels": LABELS, **entry})
    return HEADS[task.kind](4, task).eval()


@pytest.mark.parametrize("kind", ["classification", "ordinal", "token_classification"])
def test_probabilities_are_those_of_divided_logits(kind):
    outputs = head_for(kind, temperature=2.5).postprocess(LOGITS)
    torch.testing.assert_close(outputs, (LOGITS / 2.5).softmax(-1))
    assert torch.equal(head_for(kind).postprocess(LOGITS), LOGITS.softmax(-1))


def test_multi_label_probabilities_are_divided_before_the_thresholds():
    head = head_for("multi_label", temperature=0.5, thresholds=[0.2, 0.5, 0.9])
    outputs = head.postprocess(LOGITS)
    torch.testing.assert_close(outputs, (2 * LOGITS).sigmoid())
    assert torch.equal(head.predict(outputs), (outputs >= torch.tensor([0.2, 0.5, 0.9])).long())


def test_the_loss_is_that_of_the_logits():
    labels = torch.tensor([0, 1, 2, 0, 1])
    assert torch.equal(
        head_for(temperature=2.0).loss(LOGITS, labels), head_for().loss(LOGITS, labels)
    )


def test_a_head_without_its_calibration_has_the_same_layers():
    head = head_for("multi_label", temperature=2.0, thresholds=[0.1, 0.2, 0.3])
    plain = head.uncalibrated()
    assert torch.equal(plain.postprocess(LOGITS), LOGITS.sigmoid())
    assert plain.predict(torch.full((1, 3), 0.4)).tolist() == [[0, 0, 0]]
    assert [id(p) for p in plain.parameters()] == [id(p) for p in head.parameters()]
    assert head.task.temperature == 2.0


def test_rows_below_the_lowest_score_need_review():
    outputs = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.69, 0.3, 0.01]])
    assert head_for(min_score=0.7).needs_review(outputs).tolist() == [False, True, True]


def test_the_calibration_of_a_model_is_set_in_head_and_configuration(tmp_path):
    model = toy_model(tasks={"mood": {"kind": "classification", "labels": LABELS}})
    model.set_calibration("mood", temperature=2.0, min_score=0.6)
    assert model.heads["mood"].task.temperature == 2.0
    model.save_pretrained(tmp_path)
    task = type(model).from_pretrained(tmp_path).heads["mood"].task
    assert (task.temperature, task.min_score) == (2.0, 0.6)
    with pytest.raises(ValueError, match="task 'mood': field 'temperature' = 0"):
        model.set_calibration("mood", temperature=0)
    assert model.config.tasks["mood"]["temperature"] == 2.0


def test_the_pipeline_marks_single_answers_only():
    entry = {"kind": "classification", "labels": LABELS, "min_score": 1.0}
    pipe = new_pipeline(toy_model(tasks={"mood": entry}))
    assert pipe(TEXTS[0], task="mood")["needs_review"] is True
    assert [set(e) for e in pipe(TEXTS[0], task="mood", top_k=2)] == [{"label", "score"}] * 2
    assert set(pipe(TEXTS[0], task="mood", calibrated=False)) == {"label", "score"}
    assert pipe(TEXTS[:3], task="mood", batch_size=2, function_to_apply="none")[2]["needs_review"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("classification", {"temperature": 0.0}),
        ("classification", {"temperature": float("nan")}),
        ("classification", {"temperature": True}),
        ("classification", {"min_score": 1.5}),
        ("classification", {"min_score": 0}),
        ("multi_label", {"min_score": 0.5}),
        ("token_classification", {"min_score": 0.5}),
        ("regression", {"temperature": 2.0}),
    ],
)
def test_invalid_values_are_refused(kind, fields):
    (name,) = fields
    entry = {"labels": LABELS} if kind != "regression" else {"score_range": [0, 5]}
    with pytest.raises(ValueError, match=f"task 'task': field '{name}'"):
        TaskConfig.from_entry("task", {"kind": kind, **entry, **fields})

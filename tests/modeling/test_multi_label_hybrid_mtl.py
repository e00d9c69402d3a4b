"""Multi-label classification: torch's loss, thresholds, and the pipeline's outputs."""

import pytest
import torch
from torch.nn import functional
from transformers import pipeline

from modeling_hybrid_mtl.configuration_hybrid_mtl import TaskConfig
from modeling_hybrid_mtl.heads_hybrid_mtl import HEADS
from tests.modeling.toy_models import toy_model, toy_tokenizer
from tests.modeling.toy_pipelines import TEXTS, new_pipeline

LABELS = ["plot", "cast", "music"]
RANDOM = torch.Generator().manual_seed(0)
LOGITS = torch.randn(5, 3, generator=RANDOM)
TARGETS = (torch.rand(5, 3, generator=RANDOM) < 0.4).float()


def head_for(**entry):
    task = TaskConfig.from_entry("task", {"kind": "multi_label", "labels": LABELS, **entry})
    return HEADS[task.kind](4, task).eval()


def test_the_loss_is_binary_cross_entropy():
    expected = functional.binary_cross_entropy_with_logits(LOGITS, TARGETS)
    torch.testing.assert_close(head_for().loss(LOGITS, TARGETS), expected)


def test_targets_are_smoothed_toward_a_half_in_training_only():
    head = head_for(label_smoothing=0.2)
    soft = 0.8 * TARGETS + 0.1
    expected = functional.binary_cross_entropy_with_logits(LOGITS, soft)
    torch.testing.assert_close(head.train().loss(LOGITS, TARGETS), expected)
    sharp = functional.binary_cross_entropy_with_logits(LOGITS, TARGETS)
    torch.testing.assert_close(head.eval().loss(LOGITS, TARGETS), sharp)


@pytest.mark.parametrize("thresholds", [None, [0.2, 0.5, 0.9]])
def test_a_class_is_predicted_from_its_threshold_on(thresholds):
    head = head_for(thresholds=thresholds)
    probabilities = torch.tensor([[0.3, 0.5, 0.6], [0.1, 0.4, 0.95]])
    expected = [[0, 1, 1], [0, 0, 1]] if thresholds is None else [[1, 1, 0], [0, 0, 1]]
    assert head.predict(probabilities).tolist() == expected


@pytest.mark.parametrize(
    ("kind", "thresholds"),
    [("multi_label", [0.5]), ("multi_label", [0.5, 0.5, 1.0]), ("classification", [0.5] * 3)],
)
def test_invalid_thresholds_are_refused(kind, thresholds):
    with pytest.raises(ValueError, match="task 'task': field 'thresholds'"):
        TaskConfig.from_entry("task", {"kind": kind, "labels": LABELS, "thresholds": thresholds})


def model_with(*thresholds):
    entry = {"kind": "multi_label", "labels": LABELS, "thresholds": list(thresholds)}
    return toy_model(tasks={"topics": entry})


def test_the_pipeline_returns_the_classes_above_their_thresholds_best_first():
    model = model_with(1e-6, 1e-6, 1 - 1e-6)
    pipe = new_pipeline(model)
    for prediction in pipe(TEXTS, task="topics", batch_size=2):
        assert {entry["label"] for entry in prediction} == {"plot", "cast"}
        assert prediction[0]["score"] >= prediction[1]["score"]
    inputs = toy_tokenizer()(TEXTS[0], return_tensors="pt")
    scores = model(**inputs, task="topics").logits[0].sigmoid().tolist()
    every = pipe(TEXTS[0], top_k=None)["topics"]
    assert {e["label"]: e["score"] for e in every} == pytest.approx(
        dict(zip(LABELS, scores, strict=True)), abs=1e-6
    )
    assert pipe(TEXTS[0], task="topics", top_k=1)["label"] == every[0]["label"]
    # The function changes the scores, not the choice.
    raw = pipe(TEXTS[0], task="topics", function_to_apply="none")
    assert {entry["label"] for entry in raw} == {"plot", "cast"}
    assert raw[0]["score"] == pytest.approx(
        max(torch.tensor(scores[:2]).logit().tolist()), abs=1e-4
    )


def test_no_class_may_be_predicted():
    pipe = new_pipeline(model_with(*[1 - 1e-6] * 3))
    assert pipe(TEXTS[0], task="topics") == []
    assert pipe(TEXTS[:2]) == [{"topics": []}, {"topics": []}]


def test_the_standard_pipeline_has_the_format_of_transformers():
    model = model_with(*[1 - 1e-6] * 3)
    options = {"model": model, "tokenizer": toy_tokenizer(), "device": "cpu"}
    from modeling_hybrid_mtl import HybridMTLPipeline

    pipe = pipeline("text-classification", pipeline_class=HybridMTLPipeline, **options)
    (best,) = pipe(TEXTS[0])
    every = pipe(TEXTS[0], top_k=None)
    assert best == every[0]
    assert len(every) == 3
    assert sum(entry["score"] for entry in every) != pytest.approx(1, abs=1e-3)  # sigmoids

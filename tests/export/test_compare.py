import math

import pytest
import torch

from modeling_hybrid_mtl import HybridMTLOutput
from tests.modeling.toy_models import TASKS, toy_model, toy_tokenizer
from trainer.export.compare import (
    largest_difference,
    prediction_changes,
    random_batches,
    text_batches,
)


def changed(model, **changes):
    """Return the model with offsets added to the logits of some tasks."""

    def call(task=None, **inputs):
        output = model(task=task, **inputs)
        logits = output.logits + changes[task] if task in changes else output.logits
        return HybridMTLOutput(logits=logits, embeddings=output.embeddings)

    call.heads = model.heads
    return call


def test_batches_have_every_task_and_the_longest_text():
    model = toy_model()
    batches = list(random_batches(model.config, toy_tokenizer()))
    assert {task for task, _ in batches} == {None, *TASKS}
    shapes = {tuple(inputs["input_ids"].shape) for _, inputs in batches}
    assert shapes == {(1, 3), (3, 7), (2, 24)}
    for task, inputs in [*batches, *text_batches(model.config, toy_tokenizer())]:
        model(**inputs, task=task)


def test_the_largest_difference_is_found_and_named():
    model = toy_model()
    batches = list(random_batches(model.config, toy_tokenizer()))
    assert largest_difference(model, model, batches)[0] == 0.0
    difference, name = largest_difference(model, changed(model, stars=0.5, mood=0.01), batches)
    assert name == "stars" and 0 < difference <= 0.5


def test_nan_is_the_largest_of_differences():
    model = toy_model()
    other = changed(model, near=math.nan)
    found = largest_difference(model, other, random_batches(model.config, toy_tokenizer()))
    assert found == (math.inf, "near")


def test_changes_of_predictions_are_of_probabilities_and_scores():
    model = toy_model(seed=1)
    batches = list(text_batches(model.config, toy_tokenizer()))
    # Shifting all logits alike changes no probability.
    other = changed(model, mood=2.0, gap=0.25, same=torch.tensor([50.0, -50.0]))
    found = prediction_changes(model, other, batches)
    assert found["embeddings"]["cosine"] == pytest.approx(1)
    assert found["mood"] == {
        "largest": pytest.approx(0, abs=1e-6),
        "mean": pytest.approx(0, abs=1e-6),
        "same": 1.0,
    }
    assert 0 < found["gap"]["mean"] <= found["gap"]["largest"] <= 0.2501
    assert "same" not in found["gap"]
    assert found["same"]["largest"] > 0.1

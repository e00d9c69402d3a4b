"""Passes over many rows give the pipeline's predictions, in as few passes."""

import pytest

from modeling_hybrid_mtl import HybridMTLPipeline
from tests.modeling.toy_models import (
    TASKS,
    counted_calls,
    toy_model,
    toy_tokenizer,
    with_adapters,
)
from trainer.prediction.passes import Passes

TEXTS = ["a good film", "the film was very very dull", "paris", "anna plays in the film , good ."]
TEXTS.append("witty " * 60)


def rows_of(task):
    if TASKS[task].get("input") != "pair":
        return [{"text": text} for text in TEXTS]
    pairs = zip(TEXTS, reversed(TEXTS), strict=True)
    return [{"text": a, "text_pair": b} for a, b in pairs]


def close(found, expected):
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("task", TASKS)
def test_every_kind_of_task_gets_the_pipelines_predictions(task, side):
    model, tokenizer = toy_model(), toy_tokenizer()
    tokenizer.padding_side = side
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer, device="cpu")
    rows = rows_of(task)
    found = Passes(pipe, task, [task], batch_size=2).run(rows)
    expected = pipe(rows, task=task, batch_size=2, return_all_scores=True)
    for row, answer in zip(found, expected, strict=True):
        scores = row.scores[task]
        if TASKS[task]["kind"] == "token_classification":
            assert [e["word"] for e in scores] == [e["word"] for e in answer]
            assert [e["entity"] for e in scores] == [e["entity"] for e in answer]
            close([e["score"] for e in scores], [e["score"] for e in answer])
        elif isinstance(answer, list):
            close(scores, [entry["score"] for entry in answer])
        else:
            close(scores, answer["score"])
    assert [row.truncated for row in found] == [
        max(len(row["text"]), len(row.get("text_pair", ""))) > 100 for row in rows
    ]


def test_all_tasks_of_a_kind_share_passes_unless_they_have_adapters():
    pairs = [name for name, entry in TASKS.items() if entry.get("input") == "pair"]
    model = with_adapters(toy_model(), "near")
    pipe = HybridMTLPipeline(model=model, tokenizer=toy_tokenizer(), device="cpu")
    rows = rows_of("near")
    with counted_calls(model) as calls:
        found = Passes(pipe, None, pairs, batch_size=len(rows)).run(rows)
    assert len(calls) == 3  # siamese pairs, crossed ones, and the adapter's
    expected = pipe(rows, batch_size=len(rows))
    close([r.scores["near"] for r in found], [e["near"]["score"] for e in expected])
    close([r.scores["overlap"] for r in found], [e["overlap"]["score"] for e in expected])


def test_batches_hold_rows_of_like_length():
    pipe = HybridMTLPipeline(model=toy_model(), tokenizer=toy_tokenizer(), device="cpu")
    rows = [{"text": "good " * (1 + i % 7)} for i in range(28)]
    pipe.model.unpadding = False
    with counted_calls(pipe.model) as calls:
        Passes(pipe, "mood", ["mood"], batch_size=4).run(rows)
    assert [tuple(shape) for shape in calls] == [(4, length) for length in range(9, 2, -1)]

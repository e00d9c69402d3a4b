"""The attention pooling of a task, in every kind of pass."""

import pytest
import torch
from torch.nn import functional

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLPipeline, TaskConfig
from modeling_hybrid_mtl.pooling_hybrid_mtl import AttentionPooling
from tests.modeling.toy_models import (
    BACKBONES,
    TASKS,
    VARIED,
    inputs_for,
    labeled_batches,
    toy_backbone_config,
    toy_batch,
    toy_tokenizer,
    varied_model,
)

POOLED = [name for name, entry in VARIED.items() if "pooling" in entry]
MOOD = TASKS["mood"]


def token_vectors():
    generator = torch.Generator().manual_seed(0)
    mask = toy_batch([5, 3, 7])["attention_mask"]
    return torch.randn(3, 7, 8, generator=generator), mask


def test_each_head_averages_its_slice_by_the_softmax_of_its_query():
    pooling, (hidden, mask) = AttentionPooling(8, 2), token_vectors()
    found = pooling(hidden, mask)
    for row, length in enumerate(mask.sum(dim=1).tolist()):
        text = hidden[row, :length]
        for head, query in enumerate(pooling.queries.weight):
            weights = functional.softmax(text @ query, dim=0)
            part = slice(4 * head, 4 * head + 4)
            torch.testing.assert_close(found[row, part], weights @ text[:, part])


def test_without_a_mask_every_token_counts_and_padding_alone_yields_no_nan():
    pooling, (hidden, mask) = AttentionPooling(8, 1), token_vectors()
    torch.testing.assert_close(pooling(hidden), pooling(hidden, torch.ones_like(mask)))
    assert pooling(hidden, torch.zeros_like(mask)).isfinite().all()


@pytest.mark.parametrize("kind", BACKBONES)
@pytest.mark.parametrize("task", POOLED)
def test_padding_and_unpadding_do_not_change_the_logits(kind, task):
    model, inputs = varied_model(kind), inputs_for(task)
    unpadded = model(**inputs, task=task).logits
    model.unpadding = False
    torch.testing.assert_close(model(**inputs, task=task).logits, unpadded, rtol=1e-4, atol=1e-4)
    alone = {name: table[1:2] for name, table in inputs.items()}
    alone = {n: t[:, : int(alone[_mask_of(n)].sum())] for n, t in alone.items()}
    logits = model(**alone, task=task).logits
    torch.testing.assert_close(logits, unpadded[1:2], rtol=1e-4, atol=1e-4)


def _mask_of(name):
    return "pair_attention_mask" if name.startswith("pair_") else "attention_mask"


def test_joint_passes_equal_single_ones():
    model, batches = varied_model(), labeled_batches()
    together = model.forward_tasks(batches)
    for task, batch in batches.items():
        alone = model(**batch, task=task)
        torch.testing.assert_close(together[task].logits, alone.logits, rtol=1e-4, atol=1e-4)


def test_the_queries_belong_to_the_head_and_are_trained():
    model = varied_model()
    model(**labeled_batches()["same"], task="same").loss.backward()
    owned = {n for n, p in model.named_parameters() if "queries" in n and p.grad is not None}
    assert owned == {"heads.same.pooling.queries.weight"}
    assert "heads.mood.pooling.queries.weight" not in model.state_dict()


def test_the_embeddings_are_those_of_the_shared_pooling():
    model, inputs = varied_model(), inputs_for("stars")
    with_task, without = model(**inputs, task="stars"), model(**inputs)
    torch.testing.assert_close(with_task.embeddings, without.embeddings)


def test_the_pipeline_predicts_as_the_model():
    model, tokenizer = varied_model(), toy_tokenizer()
    pipe = HybridMTLPipeline(model=model, tokenizer=tokenizer, device="cpu")
    texts = ["the film was good", "dull"]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    scores = model.heads["stars"].postprocess(model(**inputs, task="stars").logits)
    found = pipe(texts, task="stars", batch_size=2)
    assert [one["score"] for one in found] == pytest.approx(scores.tolist(), abs=1e-5)
    second = {f"pair_{name}": value.flip(0) for name, value in inputs.items()}
    scores = model.heads["near"].postprocess(model(**inputs, **second, task="near").logits)
    found = pipe([tuple(texts), tuple(texts[::-1])], task="near", batch_size=2)
    assert [one["score"] for one in found] == pytest.approx(scores.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("field", "entry", "message"),
    [
        ("pooling", {"pooling": "max"}, "must be one of shared, attention"),
        ("attention_heads", {"attention_heads": 0}, "must be a positive integer"),
        ("attention_heads", {"attention_heads": 2}, "only valid with pooling 'attention'"),
        (
            "pooling",
            {"kind": "token_classification", "pooling": "attention", "hidden_sizes": []},
            "a task of kind 'token_classification' reads token vectors, which are not pooled",
        ),
    ],
)
def test_an_invalid_pooling_is_refused(field, entry, message):
    with pytest.raises(ValueError, match=f"task 'mood': field '{field}' = .*: {message}"):
        TaskConfig.from_entry("mood", {**MOOD, **entry})


def test_heads_that_do_not_divide_the_width_are_refused():
    tasks = {"mood": {**MOOD, "pooling": "attention", "attention_heads": 3}}
    with pytest.raises(ValueError, match="task 'mood': field 'attention_heads' = 3: must divide"):
        HybridMTLConfig(toy_backbone_config(), tasks)

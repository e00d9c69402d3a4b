"""The peers' model does no more work than someone who wrote it by hand would have it do."""

import pytest
import torch

from benchmarks.peers.libraries import choose_library
from benchmarks.peers.model import PlainModel, padded
from benchmarks.peers.tokens import TokenCounter
from tests.modeling.toy_models import toy_model, toy_tokenizer

TASKS = {
    "sentiment": {"kind": "classification", "pair": False, "labels": 5, "range": None},
    "paraphrase": {"kind": "classification", "pair": True, "labels": 2, "range": None},
    "similarity": {"kind": "similarity", "pair": True, "labels": None, "range": [0, 5]},
}


@pytest.fixture
def model(tmp_path):
    toy_model().backbone.save_pretrained(tmp_path)
    return PlainModel(str(tmp_path), TASKS)


def rows_of(task):
    single = [
        {"input_ids": [2, 7, 8, 3], "labels": 1},
        {"input_ids": [2, 9, 3], "labels": 0},
    ]
    if not TASKS[task]["pair"]:
        return single
    return [{**row, "pair_input_ids": [2, 10 + i, 3]} for i, row in enumerate(single)]


def test_pairs_are_padded_together_firsts_before_seconds():
    batch = padded(rows_of("paraphrase"), toy_tokenizer())
    pad = toy_tokenizer().pad_token_id
    assert batch["input_ids"].tolist() == [
        [2, 7, 8, 3],
        [2, 9, 3, pad],
        [2, 10, 3, pad],
        [2, 11, 3, pad],
    ]
    assert batch["labels"].tolist() == [1, 0]


def test_a_cycle_is_three_passes_and_every_head_learns(model):
    counter = TokenCounter([model.encoder], toy_tokenizer().pad_token_id)
    for task in TASKS:
        model(task, **padded(rows_of(task), toy_tokenizer()))["loss"].backward()
    assert counter.take()["passes"] == [7, 13, 13]
    assert set(model.heads) == set(TASKS)
    assert all(p.grad.abs().sum() > 0 for head in model.heads.values() for p in head.parameters())


def test_a_pair_is_scored_by_the_cosine_of_its_own_two_texts(model):
    model.eval()
    rows = rows_of("similarity")
    with torch.inference_mode():
        found = model("similarity", **padded(rows, toy_tokenizer()))["logits"]
        alone = [model("similarity", **padded([row], toy_tokenizer()))["logits"] for row in rows]
    torch.testing.assert_close(found, torch.cat(alone))


def test_the_library_is_the_jobs_choice():
    setting = torch.backends.mkldnn.matmul
    try:
        choose_library({"onednn": False})
        assert setting.fp32_precision == "none"
        choose_library({"onednn": True})
        assert setting.fp32_precision == "bf16"
    finally:
        setting.fp32_precision = "none"

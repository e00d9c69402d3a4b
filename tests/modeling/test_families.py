"""Families of encoders: those that the documents name work, others are refused by name."""

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from tests.modeling.toy_models import inputs_for

ROOT = Path(__file__).parents[2]
TASKS = {
    "mood": {"kind": "classification", "labels": ["a", "b"]},
    "tags": {"kind": "token_classification", "labels": ["a", "b"]},
}
SMALL = {
    "vocab_size": 100,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
}
# Fields of SMALL that a family names in its own way.
OF_BERT = dict.fromkeys(
    ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
)
GROUPS = ("q", "k", "v", "post_attention", "intermediate", "output")
# Family -> what its smallest model needs besides; None for what it knows nothing of.
FAMILIES = {
    "albert": {"embedding_size": 16},
    "bert": {},
    "big_bird": {},
    "camembert": {},
    "convbert": {"embedding_size": 16},
    "data2vec-text": {},
    "deberta": {},
    "deberta-v2": {},
    "distilbert": {"hidden_dim": 16},
    "electra": {"embedding_size": 8},
    "ernie": {},
    "esm": {},
    "fnet": {},
    "funnel": {
        **OF_BERT,
        "block_sizes": [1, 1],
        "num_decoder_layers": 1,
        "d_model": 16,
        "n_head": 2,
        "d_head": 8,
        "d_inner": 16,
        "architectures": ["FunnelModel"],
    },
    "ibert": {},
    "layoutlm": {},
    "longformer": {"attention_window": 8},
    "luke": {"entity_vocab_size": 10},
    "megatron-bert": {},
    "mobilebert": {"embedding_size": 16},
    "modernbert": {"cls_token_id": 0, "bos_token_id": 0, "sep_token_id": 2, "eos_token_id": 2},
    "mpnet": {},
    "nystromformer": {},
    "rembert": {"input_embedding_size": 8, "output_embedding_size": 8},
    "roberta": {},
    "roberta-prelayernorm": {},
    "roformer": {"embedding_size": 16},
    "squeezebert": {"embedding_size": 16, **{f"{name}_groups": 2 for name in GROUPS}},
    "xlm-roberta": {},
    "xlm-roberta-xl": {},
    "xlnet": {
        **OF_BERT,
        "max_position_embeddings": None,
        "n_layer": 1,
        "n_head": 2,
        "d_model": 16,
        "d_inner": 16,
    },
}
# Families that read the padding, too, and are the less exact the more of it there is.
PADDING_COUNTS = ("convbert", "fnet", "funnel", "nystromformer")


def small_config(family, **options):
    fields = SMALL | FAMILIES.get(family, {}) | options
    return AutoConfig.for_model(family, **{n: v for n, v in fields.items() if v is not None})


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_trains_and_is_opened_again(family, tmp_path):
    AutoModel.from_config(small_config(family)).save_pretrained(tmp_path / "encoder")
    model = HybridMTLModel.from_backbone(tmp_path / "encoder", TASKS)
    inputs = inputs_for("mood")
    ids = inputs["input_ids"]
    for task, labels in (("mood", torch.zeros(len(ids)).long()), ("tags", torch.zeros_like(ids))):
        model.train()(**inputs, task=task, labels=labels).loss.backward()
    trained = [p.grad is not None for n, p in model.named_parameters() if "word_emb" in n]
    assert all(trained) and not any("pooler" in name for name in model.state_dict())
    model.eval().save_pretrained(tmp_path / "model")
    again = HybridMTLModel.from_pretrained(tmp_path / "model")
    assert torch.equal(again(**inputs, task="mood").logits, model(**inputs, task="mood").logits)
    with torch.no_grad():
        beside_others = model(**inputs).embeddings[1]
        alone = model(**{name: table[1:2, :3] for name, table in inputs.items()}).embeddings[0]
    assert torch.allclose(beside_others, alone, atol=1e-5) == (family not in PADDING_COUNTS)


@pytest.mark.parametrize(
    "family, message",
    [
        ("canine", "a canine encoder has no token embeddings"),
        ("bros", "a bros encoder cannot encode plain text .*bbox"),
        ("xmod", "a xmod encoder cannot encode plain text .*language"),
        ("t5", "a t5 model has a decoder"),
        ("funnel", "a funnel encoder cannot encode plain text .*fewer vectors than .* tokens"),
    ],
)
def test_what_cannot_be_read_from_texts_is_refused_by_name(family, message, tmp_path):
    of_family = {"canine": {"vocab_size": None}, "funnel": {"architectures": ["FunnelBaseModel"]}}
    config = small_config(family, **of_family.get(family, {}))
    AutoModel.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=message):
        HybridMTLModel.from_backbone(tmp_path, TASKS, pooling="cls")


def test_the_first_token_is_not_read_for_all_where_that_is_the_last_one():
    config = HybridMTLConfig(small_config("xlnet"), TASKS, pooling="cls")
    with pytest.raises(ValueError, match="pooling = 'cls': xlnet puts this token at the end"):
        HybridMTLModel(config)


def test_the_page_names_the_tested_families():
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    told = next(line for line in text.split("\n\n") if "families of encoders" in line)
    assert {name for name in FAMILIES if f"`{name}`" not in told} == set()
    exception = told.split("Of these,")[1].split("padding")[0]
    assert {name for name in FAMILIES if f"`{name}`" in exception} == set(PADDING_COUNTS)


def test_a_pooler_in_use_is_kept_where_it_is_always_called():
    config = small_config("squeezebert")
    model = HybridMTLModel(HybridMTLConfig(config, TASKS, pooling="pooler")).eval()
    vector = model(**inputs_for("mood")).embeddings
    assert torch.equal(vector, model.backbone(**inputs_for("mood")).pooler_output)

"""Toy encoders, tasks, inputs and a tokenizer, shared by the tests of the model's package."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedTokenizerFast, set_seed

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from modeling_hybrid_mtl.attention_hybrid_mtl import TEXTS_PER_CALL

BACKBONES = ("bert", "distilbert", "roberta", "modernbert")
# RoBERTa's order: a padding id other than zero shows who pads with zeros.
SPECIALS = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"]
WORDS = ["a", "the", "film", "play", "##s", "##ing", "is", "was", "good", "bad", "very", "witty"]
WORDS += ["dull", "anna", "paris", "in", ",", "."]
VOCABULARY_SIZE = 100
TASKS: dict[str, dict[str, Any]] = {
    "mood": {"kind": "classification", "labels": ["bad", "so-so", "good"], "hidden_sizes": [8]},
    "stars": {"kind": "regression", "score_range": [1, 5]},
    "tags": {"kind": "token_classification", "labels": ["O", "PERSON", "PLACE"]},
    "topics": {"kind": "multi_label", "labels": ["plot", "cast", "music", "price"]},
    "grade": {"kind": "ordinal", "labels": ["1", "2", "3", "4", "5"]},
    "urgency": {
        "kind": "ordinal",
        "labels": ["low", "middle", "high"],
        "head_options": {"model": "cumulative"},
    },
    "same": {"kind": "classification", "input": "pair", "labels": ["no", "yes"]},
    "gap": {"kind": "regression", "input": "pair", "score_range": [0, 10], "hidden_sizes": [6]},
    "near": {"kind": "similarity", "input": "pair", "score_range": [0, 5]},
    "follows": {
        "kind": "classification",
        "input": "pair",
        "pair_encoding": "cross",
        "labels": ["yes", "no", "maybe"],
    },
    "overlap": {
        "kind": "regression",
        "input": "pair",
        "pair_encoding": "cross",
        "score_range": [-1, 1],
    },
}
# Heads with normalization, or with their own pooling.
VARIED: dict[str, dict[str, Any]] = {
    **TASKS,
    "mood": {**TASKS["mood"], "normalization": "batch"},
    "stars": {**TASKS["stars"], "normalization": "layer", "pooling": "attention"},
    "tags": {**TASKS["tags"], "normalization": "layer", "hidden_sizes": [8]},
    "same": {**TASKS["same"], "pooling": "attention", "attention_heads": 4},
    "near": {**TASKS["near"], "normalization": "batch", "pooling": "attention"},
    "follows": {**TASKS["follows"], "pooling": "attention", "attention_heads": 2},
}
SIAMESE = ("same", "gap", "near")
CROSS = ("follows", "overlap")
SINGLE = ("mood", "stars", "tags", "topics", "grade", "urgency")


# More texts than share a call of attention; some calls see one length only.
LENGTHS = [5, 3, 9, 1, 7, 2] + [4] * (TEXTS_PER_CALL + 3) + [11, 6]


def toy_backbone_config(kind: str = "bert", **options: Any) -> PretrainedConfig:
    fields: dict[str, Any] = {
        "vocab_size": VOCABULARY_SIZE,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 40,
        "bos_token_id": 0,
        "cls_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "sep_token_id": 2,
    }
    if kind == "distilbert":
        fields["hidden_dim"] = fields.pop("intermediate_size")
    return AutoConfig.for_model(kind, **{**fields, **options})


def without_dropout(tasks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {**entry, "dropout": 0.0} for name, entry in tasks.items()}


def toy_model(
    kind: str = "bert", tasks: dict[str, Any] | None = None, seed: int = 0, **options: Any
) -> HybridMTLModel:
    """A model in evaluation mode; weights wide enough that different texts differ visibly."""
    set_seed(seed)
    backbone = toy_backbone_config(kind, initializer_range=0.2)
    tasks = TASKS if tasks is None else tasks
    return HybridMTLModel(HybridMTLConfig(backbone, tasks, **options)).eval()


def varied_model(kind: str = "bert", **options: Any) -> HybridMTLModel:
    """A model of VARIED with shared layers, and running statistics of some batches."""
    model = toy_model(kind, VARIED, shared_hidden_sizes=[12], **options).train()
    with torch.no_grad():
        model.forward_tasks({name: inputs_for(name) for name in VARIED})
    return model.eval()


def toy_tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {word: i for i, word in enumerate([*SPECIALS, *WORDS])}
    backend = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = BertNormalizer(lowercase=True)
    backend.pre_tokenizer = BertPreTokenizer()
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 0), ("[SEP]", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        cls_token="[CLS]",
        pad_token="[PAD]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        model_max_length=24,
    )


def toy_batch(lengths: list[int], seed: int = 0) -> dict[str, Tensor]:
    """Random token ids of the given lengths, padded on the right, and their mask."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    ids = torch.randint(len(SPECIALS), VOCABULARY_SIZE, shape, generator=generator)
    mask = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": ids.where(mask.bool(), 1), "attention_mask": mask}


def inputs_for(task: str) -> dict[str, Tensor]:
    """Three rows of mixed lengths for a task, as `forward` takes them."""
    inputs = toy_batch([5, 3, 7], seed=1)
    if task in SIAMESE:
        second = toy_batch([2, 9, 4], seed=2)
        inputs |= {f"pair_{name}": value for name, value in second.items()}
    return inputs


def labels_for(task: str) -> Tensor:
    kind = TASKS[task]["kind"]
    if kind == "multi_label":
        return torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]])
    if kind in ("classification", "ordinal"):
        return torch.tensor([0, 1, 1])
    if kind == "token_classification":
        mask = inputs_for(task)["attention_mask"].bool()
        return torch.ones(mask.shape, dtype=torch.long).where(mask, -100)
    return torch.tensor([0.5, 1.0, 0.25])


def labeled_batches() -> dict[str, dict[str, Tensor]]:
    """A batch of every task, with labels."""
    return {name: {**inputs_for(name), "labels": labels_for(name)} for name in TASKS}


@contextmanager
def counted_calls(model: HybridMTLModel) -> Iterator[list[torch.Size]]:
    """A list that grows by the shape of the token ids with every call of the backbone."""
    calls: list[torch.Size] = []
    handle = model.backbone.register_forward_pre_hook(
        lambda module, args, kwargs: calls.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    try:
        yield calls
    finally:
        handle.remove()


def with_adapters(model: HybridMTLModel, *names: str, **options: Any) -> HybridMTLModel:
    """Adapters of rank 2 for a BERT, with random weights: visible, as after training."""
    options = {"rank": 2, "alpha": 3, "target_modules": ["query", "value"], **options}
    model.attach_task_adapters(names, **options)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if any(f".lora_B.{name}." in key for name in names):
                weight.normal_(std=0.5)
    return model


def encoder_of(kind, **options):
    torch.manual_seed(0)
    config = toy_backbone_config(kind, initializer_range=0.2, **options)
    return AutoModel.from_config(config).eval()


def row_of_texts(lengths, width=8, seed=0):
    torch.manual_seed(seed)
    return torch.randn(3, sum(lengths), 2, width).unbind()

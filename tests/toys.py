"""Toy tasks, rows, tokenizer and trainer that every training test shares."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, PreTrainedTokenizerFast, set_seed

from modeling_hybrid_mtl import HybridMTLConfig, HybridMTLModel
from trainer import HybridMTLTrainer, HybridMTLTrainingArguments
from trainer.config.settings import Settings
from trainer.loading.datasets import PreparedData, prepare_data

WORDS = [f"w{i}" for i in range(40)]
TASKS: dict[str, dict[str, Any]] = {
    "mood": {"kind": "classification", "labels": ["bad", "so-so", "good"], "dropout": 0.0},
    "same": {"kind": "classification", "input": "pair", "labels": ["no", "yes"], "dropout": 0.0},
    "near": {"kind": "similarity", "input": "pair", "score_range": [0, 5], "dropout": 0.0},
}


def toy_tokenizer() -> PreTrainedTokenizerFast:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: i for i, word in enumerate([*specials, *WORDS])}
    backend = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def toy_backbone_config(**options: Any) -> BertConfig:
    fields = {
        "vocab_size": 50,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    return BertConfig(**{**fields, **options})


def encoder_folder(folder: Path) -> Path:
    """A folder with a configuration and a tokenizer, but no weights."""
    toy_backbone_config().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return folder


def toy_model(tasks: dict[str, Any] | None = None, seed: int = 0, **options: Any) -> HybridMTLModel:
    set_seed(seed)
    config = HybridMTLConfig(toy_backbone_config(**options), TASKS if tasks is None else tasks)
    return HybridMTLModel(config)


@functools.cache
def toy_rows(task: str, count: int, seed: int = 0) -> Dataset:
    """Random tokenized rows of lengths 3 to 12 whose label depends on the tokens."""
    random = np.random.default_rng([seed, count])
    entry = TASKS[task]

    def sequence() -> list[int]:
        return [2, *random.integers(4, 44, random.integers(1, 11)).tolist(), 3]

    rows: dict[str, list] = {"input_ids": [sequence() for _ in range(count)]}
    if entry.get("input") == "pair":
        rows["pair_input_ids"] = [sequence() for _ in range(count)]
    sides = [rows["input_ids"], rows.get("pair_input_ids", rows["input_ids"])]
    rows["length"] = [max(len(a), len(b)) for a, b in zip(*sides, strict=True)]
    first = [ids[1] for ids in rows["input_ids"]]
    classes = len(entry.get("labels", []))
    rows["labels"] = [t % classes if classes else (t % 11) / 2 for t in first]
    if entry["kind"] == "ranking":
        rows["labels"] = [float(t % 4 > 0) for t in first]
    return Dataset.from_dict(rows)


def toy_trainer(folder: Path, *, sizes: dict[str, int] | None = None, **options: Any):
    """A trainer of the toy tasks; `options` are training arguments, or `model` and `callbacks`."""
    sizes = sizes or {"mood": 24, "same": 32, "near": 24}
    model = options.pop("model", None) or toy_model()
    callbacks = options.pop("callbacks", None)
    arguments: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 5,
        "learning_rate": 1e-2,
        "num_train_epochs": 2,
        "save_strategy": "no",
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "seed": 3,
        "data_seed": 3,
        **options,
    }
    return HybridMTLTrainer(
        model,
        HybridMTLTrainingArguments(**arguments),
        train_dataset={task: toy_rows(task, n, seed=1) for task, n in sizes.items()},
        eval_dataset={task: toy_rows(task, 11, seed=2) for task in sizes},
        processing_class=toy_tokenizer(),
        callbacks=callbacks,
    )


def whole_and_resumed(folder: Path, **options: Any):
    """A trainer that went through a run, and one that went on from a checkpoint in its middle."""
    options = {"save_strategy": "steps", "save_steps": 6, "max_steps": 8, **options}
    whole, again = toy_trainer(folder, **options), toy_trainer(folder, **options)
    whole.train()
    again.train(resume_from_checkpoint=str(folder / "checkpoint-6"))
    return whole, again


def toy_data(settings: Settings, **options: Any) -> PreparedData:
    """The data of a run, in the tokens of the toy tokenizer."""
    tokenizer = toy_tokenizer()
    tokenizer.model_max_length = settings.run.max_length
    tasks, data_dir = settings.tasks, settings.run.data_dir
    return prepare_data(tasks, data_dir, tokenizer, settings.training, **options)

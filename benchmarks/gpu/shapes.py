"""Encoders of known shapes with random weights, and rows of known lengths."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    set_seed,
)

from benchmarks.gpu.settings import Settings

# Layers, width, heads, width between the two products of a layer, vocabulary.
SHAPES = {
    "bert-base": (12, 768, 12, 3072, 30522),
    "minilm": (6, 384, 12, 1536, 30522),
    "toy": (2, 32, 4, 64, 200),
}
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Mean tokens of a text, and the deviation of their logarithm, as in SST-5, Quora pairs and STS-B.
LENGTHS = {"sentiment": (25, 0.5), "paraphrase": (16, 0.4), "similarity": (15, 0.4)}
TASKS: dict[str, dict[str, Any]] = {
    "sentiment": {"kind": "classification", "pair": False, "labels": 5, "range": None},
    "paraphrase": {"kind": "classification", "pair": True, "labels": 2, "range": None},
    "similarity": {"kind": "similarity", "pair": True, "labels": None, "range": [0.0, 5.0]},
}


def shapes_of(settings: Settings) -> list[str]:
    """Return the measured shapes."""
    return ["toy"] if settings.toy else ["bert-base", "minilm"]


def encoder_folder(settings: Settings, shape: str) -> str:
    """Return a folder with an encoder of a shape and its tokenizer; create it on first call."""
    if shape == "minilm" and settings.weights is not None:
        return settings.weights
    folder = settings.path("work", shape)
    if not folder.exists():
        aside = settings.path("work", f"{shape}-writing")
        set_seed(settings.seed)
        BertModel(config_of(shape)).save_pretrained(aside)
        tokenizer_of(SHAPES[shape][-1]).save_pretrained(aside)
        shutil.move(aside, folder)
    return str(folder)


def config_of(shape: str) -> BertConfig:
    layers, width, heads, inner, vocabulary = SHAPES[shape]
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
    )


def tokenizer_of(vocabulary: int) -> PreTrainedTokenizerFast:
    """Return a tokenizer with one token for each of the words w0, w1, ..."""
    words = [*SPECIALS, *(f"w{i}" for i in range(vocabulary - len(SPECIALS)))]
    backend = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = ("pad", "unk", "cls", "sep", "mask")
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        **{f"{name}_token": f"[{name.upper()}]" for name in names},
    )


def drawn_tasks(folder: str, rows: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return `rows` rows of each task, of words that are single tokens of a folder's tokenizer."""
    vocabulary = AutoTokenizer.from_pretrained(folder).get_vocab()
    words = np.array(sorted(word for word in vocabulary if word.isalnum() and word.isascii()))
    tasks = {}
    for index, (name, task) in enumerate(TASKS.items()):
        random = np.random.default_rng([seed, index])
        columns = ["text", "text_pair"] if task["pair"] else ["text"]
        texts = [_texts(words, rows, *LENGTHS[name], random) for _ in columns]
        labels = (
            random.integers(0, task["labels"], rows).tolist()
            if task["labels"]
            else random.uniform(task["range"][0], task["range"][1], rows).tolist()
        )
        own = [
            {**dict(zip(columns, row, strict=True)), "label": label}
            for *row, label in zip(*texts, labels, strict=True)
        ]
        tasks[name] = {**task, "rows": own}
    return tasks


def _texts(
    words: np.ndarray, count: int, mean: float, deviation: float, random: np.random.Generator
) -> list[str]:
    # The mean of a lognormal is exp(mu + deviation^2 / 2); two tokens of a text are special.
    lengths = random.lognormal(np.log(mean) - deviation**2 / 2, deviation, count).round() - 2
    return [" ".join(random.choice(words, max(1, min(126, int(n))))) for n in lengths]


def flops_per_token(folder: str, text_tokens: float) -> float:
    """Return the operations of a training step for one token: weights and attention.

    Six for each weight of the linear layers, as usual, and twelve times the width and the text's
    length for each layer's attention.
    """
    config = AutoConfig.from_pretrained(folder)
    width, layers = config.hidden_size, config.num_hidden_layers
    weights = layers * (4 * width**2 + 2 * width * config.intermediate_size)
    return 6.0 * weights + 12.0 * layers * width * text_tokens


def wait(device: str) -> None:
    """Wait for all work of the device."""
    if device == "cuda":
        torch.cuda.synchronize()


def write_data(tasks: dict[str, dict[str, Any]], folder: Path) -> None:
    """Write the tasks' rows as files of the default tasks, for `run_mtl.py`."""
    places = {"sentiment": "sst5", "paraphrase": "qqp", "similarity": "stsb"}
    columns = {"paraphrase": ("question1", "question2"), "similarity": ("sentence1", "sentence2")}
    for name, task in tasks.items():
        own = folder / places[name]
        own.mkdir(parents=True, exist_ok=True)
        for split in ("train", "validation"):
            if name == "sentiment":
                lines = [json.dumps(row) for row in task["rows"]]
                (own / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
                continue
            first, second = columns[name]
            lines = [f"{first},{second},label"]
            lines += [f"{row['text']},{row['text_pair']},{row['label']}" for row in task["rows"]]
            (own / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

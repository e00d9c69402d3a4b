"""Tokenization of checked rows, cached by content."""

import hashlib
import json
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from modeling_hybrid_mtl import TaskConfig
from trainer.data.cache import cache_folder

IGNORED_LABEL = -100


def tokenize(
    name: str, rows: Dataset, task: TaskConfig, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> Dataset:
    """Tokenize checked rows with `datasets.map`, or load the result from the cache.

    Args:
        name: the task's name, for the progress bar.
        rows: columns `text`, `text_pair` (pairs) and optionally `label` and `weight`.
        task: the task's configuration: whether the two texts of a pair share a sequence.
        tokenizer: the backbone's tokenizer.
        max_length: maximum tokens of a sequence, including special tokens; the rest is truncated.

    Returns:
        Columns `input_ids`, `token_type_ids` (if the tokenizer returns them), the same with the
        prefix `pair_` for siamese pairs, `labels` and `weights` if there are any, `length`: the
        tokens of the longer sequence, and `truncated`: whether a text was truncated.
    """
    key = _content_key(rows, task, tokenizer, max_length)
    return rows.map(
        encode,
        batched=True,
        fn_kwargs={"task": task, "tokenizer": tokenizer, "max_length": max_length},
        remove_columns=rows.column_names,
        cache_file_name=str(cache_folder() / f"{key}.arrow"),
        new_fingerprint=key,
        desc=f"tokenizing {name}",
    )


def encode(
    batch: dict[str, list], task: TaskConfig, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> dict[str, list]:
    """Return the columns of `tokenize` for a batch of rows."""
    encode_batch = _encode_words if task.reads_words else _encode_texts
    return encode_batch(batch, task=task, tokenizer=tokenizer, max_length=max_length)


def _content_key(
    rows: Dataset, task: TaskConfig, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> str:
    # The hash of the tokenizer object changes with the truncation state of its last call.
    backend = getattr(tokenizer, "backend_tokenizer", None)
    vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True)
    if backend is not None:
        state = json.loads(backend.to_str())
        vocabulary = json.dumps({**state, "truncation": None, "padding": None}, sort_keys=True)
    content = hashlib.sha256()
    # Formatted as a table, selected or shuffled rows are in their current order.
    for batch in rows.with_format("arrow")[:].combine_chunks().to_batches():
        content.update(batch.serialize())
    settings = [
        *(task.output_type, task.input, task.pair_encoding, max_length, "truncated"),
        *(() if task.needs_labels else ("matches",)),
        *(type(tokenizer).__name__, tokenizer.model_input_names, tokenizer.truncation_side),
    ]
    content.update(json.dumps(settings).encode() + vocabulary.encode())
    return content.hexdigest()[:32]


def _encode_texts(
    batch: dict[str, list],
    task: TaskConfig,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> dict[str, list]:
    options: dict[str, Any] = {
        "truncation": True,
        "max_length": max_length,
        "return_attention_mask": False,
    }
    pairs = batch.get("text_pair")
    sides_of_pairs = [] if pairs is None else [pairs]
    if task.is_siamese:
        features = dict(tokenizer(batch["text"], **options))
        pair = tokenizer(batch["text_pair"], **options)
        features.update({f"pair_{key}": value for key, value in pair.items()})
    else:
        features = dict(tokenizer(batch["text"], pairs, **options))
    sides = [features["input_ids"], features.get("pair_input_ids", features["input_ids"])]
    features["length"] = [max(len(a), len(b)) for a, b in zip(*sides, strict=True)]
    features["truncated"] = [
        length == max_length
        and is_truncated(tokenizer, max_length, *texts, together=not task.is_siamese)
        for length, *texts in zip(features["length"], batch["text"], *sides_of_pairs, strict=True)
    ]
    if "label" in batch:
        features["labels"] = batch["label"]
    elif not task.needs_labels:
        features["labels"] = [1.0] * len(batch["text"])
    if "weight" in batch:
        features["weights"] = batch["weight"]
    return features


def is_truncated(
    tokenizer: PreTrainedTokenizerBase, max_length: int, *texts: Any, together: bool, **options: Any
) -> bool:
    """Return whether texts, `together` or each in a sequence, exceed `max_length` tokens."""
    sequences = [texts] if together else [(text,) for text in texts]
    # `verbose` would warn of sequences beyond the model's limit, which no model is given here.
    encoded = (tokenizer(*sequence, verbose=False, **options).input_ids for sequence in sequences)
    return any(len(ids) > max_length for ids in encoded)


def _encode_words(
    batch: dict[str, list],
    task: TaskConfig,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> dict[str, list]:
    """Encode split texts, with a word's tag on its first token and -100 on the others."""
    encoded = tokenizer(
        batch["text"],
        is_split_into_words=True,
        truncation=True,
        max_length=max_length,
        return_attention_mask=False,
    )
    features = dict(encoded)
    if "label" in batch:
        features["labels"] = [
            _align(encoded.word_ids(row), tags) for row, tags in enumerate(batch["label"])
        ]
    if "weight" in batch:
        features["weights"] = batch["weight"]
    features["length"] = [len(ids) for ids in features["input_ids"]]
    features["truncated"] = [
        length == max_length
        and is_truncated(tokenizer, max_length, words, together=True, is_split_into_words=True)
        for length, words in zip(features["length"], batch["text"], strict=True)
    ]
    return features


def _align(word_ids: list[int | None], tags: list[int]) -> list[int]:
    previous = [None, *word_ids[:-1]]
    return [
        IGNORED_LABEL if word is None or word == before else tags[word]
        for word, before in zip(word_ids, previous, strict=True)
    ]

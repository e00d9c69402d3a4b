"""From checked rows to token ids, once, cached by content."""

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
    """Tokenise checked rows with `datasets.map`, or read the result of an earlier run.

    Args:
        name: the task's name, shown beside the progress bar.
        rows: columns `text`, `text_pair` (pairs) and, but for rows to answer only, `label`.
        task: says whether the two texts of a pair share a sequence.
        tokenizer: the backbone's.
        max_length: longest sequence in tokens, special tokens included; the rest is cut off.

    Returns:
        Columns `input_ids`, `token_type_ids` (if the tokenizer makes them), the same with the
        prefix `pair_` for siamese pairs, `labels` if there are any, `length`: the tokens of the
        longer sequence, and `cut`: whether the end of a text was left out.
    """
    encode = _encode_words if task.reads_words else _encode_texts
    key = _content_key(rows, task, tokenizer, max_length)
    return rows.map(
        encode,
        batched=True,
        fn_kwargs={"task": task, "tokenizer": tokenizer, "max_length": max_length},
        remove_columns=rows.column_names,
        cache_file_name=str(cache_folder() / f"{key}.arrow"),
        new_fingerprint=key,
        desc=f"tokenising {name}",
    )


def _content_key(
    rows: Dataset, task: TaskConfig, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> str:
    # Not the tokenizer object: its hash changes with the truncation state of its last call.
    backend = getattr(tokenizer, "backend_tokenizer", None)
    vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True)
    if backend is not None:
        state = json.loads(backend.to_str())
        vocabulary = json.dumps({**state, "truncation": None, "padding": None}, sort_keys=True)
    content = hashlib.sha256()
    # As a table, rows that were selected or shuffled come in their own order.
    for batch in rows.with_format("arrow")[:].combine_chunks().to_batches():
        content.update(batch.serialize())
    made = [type(tokenizer).__name__, tokenizer.model_input_names, tokenizer.truncation_side]
    shape = [task.output_type, task.input, task.pair_encoding, max_length, "truncated", *made]
    content.update(json.dumps(shape).encode() + vocabulary.encode())
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
    return features


def is_truncated(
    tokenizer: PreTrainedTokenizerBase, max_length: int, *texts: Any, together: bool, **options: Any
) -> bool:
    """Whether a text, or two `together` in one sequence, makes more than `max_length` tokens."""
    sequences = [texts] if together else [(text,) for text in texts]
    # Not `verbose`: it warns of sequences that no model can read, and none is to read these.
    made = (tokenizer(*sequence, verbose=False, **options).input_ids for sequence in sequences)
    return any(len(ids) > max_length for ids in made)


def _encode_words(
    batch: dict[str, list],
    task: TaskConfig,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> dict[str, list]:
    """Token classification: the first piece of each word carries its tag, other pieces -100."""
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

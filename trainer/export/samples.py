"""Texts to compare a model and its export on."""

import csv

from transformers import PreTrainedTokenizerBase

from trainer.data.sources import SAMPLE_FOLDER


def sample_pairs(count: int) -> list[tuple[str, str]]:
    """Pairs of questions of the shipped sample, at most 100."""
    with (SAMPLE_FOLDER / "qqp" / "validation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:count]
    return [(row["question1"], row["question2"]) for row in rows]


def long_text(tokenizer: PreTrainedTokenizerBase) -> str:
    """A text that the tokenizer cuts off, if it cuts off at all."""
    text = " ".join(first for first, _ in sample_pairs(10))
    # A tokenizer without a limit names an enormous one.
    while len(tokenizer(text, verbose=False)["input_ids"]) <= tokenizer.model_max_length < 1e6:
        text += " " + text
    return text

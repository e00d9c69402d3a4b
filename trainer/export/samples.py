"""Texts for comparing a model and its export."""

import csv

from transformers import PreTrainedTokenizerBase

from trainer.data.task_locations import SAMPLE_FOLDER


def sample_pairs(count: int) -> list[tuple[str, str]]:
    """Return pairs of questions from the shipped sample, at most 100."""
    with (SAMPLE_FOLDER / "qqp" / "validation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:count]
    return [(row["question1"], row["question2"]) for row in rows]


def long_text(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a text that the tokenizer truncates, if it has a limit."""
    text = " ".join(first for first, _ in sample_pairs(10))
    # A tokenizer without a limit has an enormous one.
    while len(tokenizer(text, verbose=False)["input_ids"]) <= tokenizer.model_max_length < 1e6:
        text += " " + text
    return text

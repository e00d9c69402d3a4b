"""Example texts of the page: those that training recorded beside the model."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from .recorded_examples import Texts

MAX_CHIP = 40  # characters
MIN_CORPUS = 4  # texts


def example_chips(examples: Sequence[Texts], boxes: list[Any]) -> None:
    """Add small buttons that fill the boxes, if there are examples."""
    if examples:
        gr.Examples(
            [list(texts) for texts in examples],
            boxes,
            label="Examples",
            example_labels=[_chip(texts[0]) for texts in examples],
            api_visibility="private",
        )


def example_corpus(examples: Mapping[str, Sequence[Texts]]) -> list[Texts]:
    """Return the texts of all examples as one corpus, a text per line, if there are enough."""
    lines = {" ".join(text.split()) for rows in examples.values() for row in rows for text in row}
    return [("\n".join(sorted(lines)),)] if len(lines) >= MIN_CORPUS else []


def _chip(text: str) -> str:
    return text if len(text) <= MAX_CHIP else f"{text[:MAX_CHIP].rstrip()}…"

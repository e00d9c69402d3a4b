"""What goes to the Hub beside the weights: the model card and the facts it is rendered from."""

from .card import render_card, write_card
from .card_facts import (
    Architecture,
    CardFacts,
    ComputeFacts,
    PhaseFacts,
    TaskFacts,
    facts_from_json,
    facts_to_json,
)

__all__ = [
    "Architecture",
    "CardFacts",
    "ComputeFacts",
    "PhaseFacts",
    "TaskFacts",
    "facts_from_json",
    "facts_to_json",
    "render_card",
    "write_card",
]

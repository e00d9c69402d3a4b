"""The model card and the facts that it is rendered from."""

from trainer.cards.facts import (
    Architecture,
    CardFacts,
    ComputeFacts,
    PhaseFacts,
    TaskFacts,
    facts_from_json,
    facts_to_json,
)
from trainer.cards.render import render_card, write_card

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

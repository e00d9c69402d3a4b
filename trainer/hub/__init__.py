"""What goes to the Hub beside the weights: the model card and the facts it is rendered from."""

from .card import CardFacts, TaskFacts, facts_from_json, facts_to_json, render_card, write_card

__all__ = [
    "CardFacts",
    "TaskFacts",
    "facts_from_json",
    "facts_to_json",
    "render_card",
    "write_card",
]

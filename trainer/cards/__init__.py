"""The model card and the facts that it is rendered from."""

from trainer.cards.audit_facts import AuditFacts
from trainer.cards.facts import (
    Architecture,
    CardFacts,
    ComputeFacts,
    PhaseFacts,
    TaskFacts,
    facts_from_json,
    facts_to_json,
)
from trainer.cards.render import render_audit, render_card, write_card

__all__ = [
    "Architecture",
    "AuditFacts",
    "CardFacts",
    "ComputeFacts",
    "PhaseFacts",
    "TaskFacts",
    "facts_from_json",
    "facts_to_json",
    "render_audit",
    "render_card",
    "write_card",
]

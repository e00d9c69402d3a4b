"""The published card, whose examples name the repository."""

from dataclasses import replace
from pathlib import Path

from trainer.cards import CardFacts, facts_from_json, render_card
from trainer.cards.titles import THIS_MODEL
from trainer.errors import InputError

CARD = "README.md"
FACTS = "card_facts.json"
METRICS = "metrics.json"


def published_card(folder: Path, repo: str) -> str | None:
    """Return the card with the repository's name in place of the folder's.

    Return None if the card differs from the one rendered from the folder's facts, and has no place
    for the name: it was edited and is published unchanged.

    Raises:
        InputError: if there is neither a card nor the facts to render it from.
    """
    facts, card = _read_facts(folder), _read_card(folder)
    if facts is None:
        if card is None:
            raise InputError(
                f"'{folder}' has no model card ({CARD}) and no {FACTS} to render it from: finish "
                f"the run with --resume true, or write a {CARD}"
            )
        return card.replace(THIS_MODEL, repo) if THIS_MODEL in card else None
    is_rendered = card is None or card == render_card(facts)
    return render_card(replace(facts, model_name=repo)) if is_rendered else None


def card_notes(folder: Path, repo: str) -> list[str]:
    """Return notes for the user on the card and the metrics, before they are published."""
    notes = []
    card = _read_card(folder)
    if card is None:
        notes.append(f"there is no {CARD}: it is rendered from {FACTS}")
    elif published_card(folder, repo) is None and repo not in card:
        notes.append(
            f"{CARD} is published unchanged, and its examples do not name {repo}: it was edited, "
            "or written by another version"
            + (f"; delete it to render it again from {FACTS}" if _read_facts(folder) else "")
        )
    if not (folder / METRICS).is_file():
        notes.append(f"there is no {METRICS}, which a finished run writes: none is published")
    return [f"note: {note}" for note in notes]


def _read_card(folder: Path) -> str | None:
    path = folder / CARD
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _read_facts(folder: Path) -> CardFacts | None:
    try:
        return facts_from_json(folder / FACTS)
    except (OSError, ValueError):
        return None

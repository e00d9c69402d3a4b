"""A folder's card as its repository shows it: the examples name the repository."""

from dataclasses import replace
from pathlib import Path

from trainer.cards import CardFacts, facts_from_json, render_card
from trainer.errors import InputError

CARD = "README.md"
FACTS = "card_facts.json"
METRICS = "metrics.json"


def published_card(folder: Path, repo: str) -> str | None:
    """The text of the card with the repository's name in the place of the folder's.

    Returns:
        None if the card is not the one that is made of the folder's facts: somebody edited it, and
        it is published as it is.

    Raises:
        InputError: if there is neither a card nor the facts to make it of.
    """
    facts = _facts(folder)
    card = _card(folder)
    if facts is None:
        if card is None:
            raise InputError(
                f"'{folder}' has no {CARD}, the model card, and no {FACTS} to make it of: write "
                f"a {CARD}, or train again"
            )
        return None
    return render_card(replace(facts, model_name=repo)) if _is_ours(card, facts) else None


def card_notes(folder: Path, repo: str) -> list[str]:
    """What the user should know of the card and the metrics before they are published."""
    notes = []
    card = _card(folder)
    if card is None:
        notes.append(f"there is no {CARD}: it is made of {FACTS}")
    elif published_card(folder, repo) is None and repo not in card:
        notes.append(
            f"{CARD} is published as it is, and its examples do not name {repo}: it was edited, or "
            f"written by another version"
            + (f"; delete it to have it made anew of {FACTS}" if _facts(folder) else "")
        )
    if not (folder / METRICS).is_file():
        notes.append(f"there is no {METRICS}, which a finished run writes: none is published")
    return [f"note: {note}" for note in notes]


def _is_ours(card: str | None, facts: CardFacts) -> bool:
    return card is None or card == render_card(facts)


def _card(folder: Path) -> str | None:
    path = folder / CARD
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _facts(folder: Path) -> CardFacts | None:
    try:
        return facts_from_json(folder / FACTS)
    except (OSError, ValueError):
        return None

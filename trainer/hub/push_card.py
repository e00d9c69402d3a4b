"""A folder's card as its repository shows it: the examples name the repository."""

from dataclasses import replace
from pathlib import Path

from trainer.hub import facts_from_json, render_card

CARD = "README.md"
FACTS = "card_facts.json"


def published_card(folder: Path, repo: str) -> str | None:
    """The text of the card with the repository's name in the place of the folder's.

    Returns:
        None if there is no card, or it is not the one that was made of the folder's facts: somebody
        edited it, and it is published as it is.
    """
    try:
        card = (folder / CARD).read_text(encoding="utf-8")
        facts = facts_from_json(folder / FACTS)
    except (OSError, ValueError):
        return None
    return render_card(replace(facts, model_name=repo)) if card == render_card(facts) else None

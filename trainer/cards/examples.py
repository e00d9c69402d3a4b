"""The examples of a card: recorded rows, or neutral texts in their place."""

from typing import Any

from trainer.cards.facts import TaskFacts

TEXTS = ("A text of the kind that the model was trained on.", "Another text.")


def example_inputs(tasks: list[TaskFacts]) -> dict[str, list[Any]]:
    """Return two texts under `texts` and two pairs under `pairs`, recorded ones first."""
    first, second = TEXTS
    found: dict[str, list[Any]] = {"texts": [], "pairs": []}
    for task in tasks:
        for row in task.examples:
            if task.input == "pair":
                found["pairs"].append({key: row[key] for key in ("text", "text_pair")})
            else:
                found["texts"].append(row["text"])
    found["texts"] += TEXTS
    found["pairs"] += [{"text": a, "text_pair": b} for a, b in (TEXTS, (second, first))]
    return {key: rows[:2] for key, rows in found.items()}


def widgets(tasks: list[TaskFacts], pipeline_tag: str) -> list[dict[str, Any]] | None:
    """Return the examples of the model's page on the Hub, in the form of its pipeline."""
    input_kind = "pair" if pipeline_tag == "sentence-similarity" else "single"
    rows = [row for task in tasks if task.input == input_kind for row in task.examples]
    if input_kind == "pair":
        return [
            {"source_sentence": row["text"], "sentences": [row["text_pair"]]} for row in rows
        ] or None
    return [{"text": row["text"]} for row in rows] or None

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
    is_pair = pipeline_tag == "sentence-similarity"
    rows: list[dict[str, Any]] = []
    for task in tasks:
        for row in task.examples if (task.input == "pair") == is_pair else []:
            shown = (
                {"source_sentence": row["text"], "sentences": [row["text_pair"]]}
                if is_pair
                else {"text": row["text"]}
            )
            if shown not in rows:  # a row of several tasks
                rows.append(shown)
    return rows or None

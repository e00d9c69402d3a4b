"""The examples of a card: recorded rows, or neutral texts in their place."""

import json
from collections.abc import Mapping
from typing import Any

from trainer.cards.facts import TaskFacts

_MAX_ENTRIES = 3
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


def example_output(task: TaskFacts, shown: Mapping[str, Any]) -> str | None:
    """Return an output of the pipeline for a task, as Python.

    Args:
        task: the task.
        shown: the input, `text` and, for a pair, `text_pair`.

    Returns:
        The recorded output for this input. Without one, an output of the same form, with the last
        label and a middle score, after `such as`; None for tags.
    """
    for row in task.examples:
        if all(row.get(key) == value for key, value in shown.items()):
            return _as_python(row["prediction"])
    label = (task.labels or ["a label"])[-1]
    low, high = task.score_range or (0, 1)
    forms: dict[str, Any] = {
        "class": {"label": label, "score": 0.8},
        "labels": [{"label": label, "score": 0.8}],
        "score": {"score": round(low + 0.6 * (high - low), 2)},
    }
    form = forms.get(task.output_type)
    if form is None:
        return None
    note = ", maybe empty" if task.output_type == "labels" else ""
    return f"such as {json.dumps(form, ensure_ascii=False)}{note}"


def _as_python(output: Any) -> str:
    """Return an output as Python; of a long list, such as tags, the first entries."""
    text = json.dumps(_rounded(output), ensure_ascii=False)
    if isinstance(output, list) and len(output) > _MAX_ENTRIES:
        text = json.dumps(_rounded(output[:_MAX_ENTRIES]), ensure_ascii=False)[:-1] + ", ...]"
    return text


def _rounded(output: Any) -> Any:
    if isinstance(output, list):
        return [_rounded(part) for part in output]
    if isinstance(output, Mapping):
        return {key: _rounded(value) for key, value in output.items()}
    return round(output, 2) if isinstance(output, float) else output


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

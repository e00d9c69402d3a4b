"""Parsing of the inputs of the pipeline: texts and pairs of texts."""

from collections.abc import Mapping
from typing import Any

from .texts_hybrid_mtl import is_many, text_error, to_python


def is_pair(inputs: Any) -> bool:
    """Return whether the input is a tuple of two texts, which is one pair, not two inputs."""
    return (
        isinstance(inputs, tuple) and len(inputs) == 2 and all(isinstance(x, str) for x in inputs)
    )


def widget_pairs(row: Mapping[str, Any]) -> Any:
    """Return the pairs of a request of the Hub's widget, and any other row unchanged."""
    if set(row) != {"source_sentence", "sentences"}:
        return row
    source, others = row["source_sentence"], to_python(row["sentences"])
    if not is_many(others):
        raise ValueError(f"'sentences' must be a list of texts, got {str(others)[:80]!r}")
    return [{"text": source, "text_pair": other} for other in others]


def parse_input(row: Any, index: int | None = None) -> dict[str, str]:
    """Return an input as `{"text": ...}` or `{"text": ..., "text_pair": ...}`."""
    where = "" if index is None else f"input {index}: "
    if isinstance(row, str):
        row = {"text": row}
    elif isinstance(row, tuple) and len(row) == 2:
        row = {"text": row[0], "text_pair": row[1]}
    if not isinstance(row, Mapping) or not {"text"} <= set(row) <= {"text", "text_pair"}:
        raise ValueError(
            f'{where}expected a string, {{"text": ...}}, {{"text": ..., "text_pair": ...}} or a '
            f"tuple of two strings, got {str(row)[:80]!r}"
        )
    for key, value in row.items():
        problem = text_error(value)
        if problem is not None:
            raise ValueError(f"{where}'{key}' {problem}")
    return dict(row)


def longest_text(row: dict[str, str]) -> int:
    """Return the number of characters of the longer text of a row."""
    return max(map(len, row.values()))

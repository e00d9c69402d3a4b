"""What callers of the pipeline give: texts and pairs of texts, in any of their forms."""

from collections.abc import Mapping
from typing import Any

from .texts_hybrid_mtl import is_many, plain, wrong_text


def is_pair(inputs: Any) -> bool:
    """Whether this is a tuple of two texts, which is one pair rather than two inputs."""
    return (
        isinstance(inputs, tuple) and len(inputs) == 2 and all(isinstance(x, str) for x in inputs)
    )


def compared(row: Mapping[str, Any]) -> Any:
    """The pairs of what the Hub's widget sends: a sentence, and those to compare it with."""
    if set(row) != {"source_sentence", "sentences"}:
        return row
    source, others = row["source_sentence"], plain(row["sentences"])
    if not is_many(others):
        raise ValueError(f"'sentences' must be a list of texts, got {str(others)[:80]!r}")
    return [{"text": source, "text_pair": other} for other in others]


def read_row(row: Any, index: int | None = None) -> dict[str, str]:
    """One input as `{"text": ...}` or `{"text": ..., "text_pair": ...}`."""
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
        wrong = wrong_text(value)
        if wrong is not None:
            raise ValueError(f"{where}'{key}' {wrong}")
    return dict(row)


def length_of(row: dict[str, str]) -> int:
    """How many characters the longer text of a row has."""
    return max(map(len, row.values()))

"""The title of a model that lies in a folder."""

import html
import re
from collections.abc import Iterable
from pathlib import Path

_MAX_CHARACTERS = 100


def folder_title(folder: Path, tasks: Iterable[str]) -> str:
    """Return the first heading of the model's card, or the names of its tasks without a card."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    _, _, body = text.partition("\n---\n") if text.startswith("---\n") else ("", "", text)
    headings = (line[2:].strip() for line in body.splitlines() if line.startswith("# "))
    title = _without_escapes(next(headings, "")) or ", ".join(tasks)
    return title if len(title) <= _MAX_CHARACTERS else f"{title[: _MAX_CHARACTERS - 1]}…"


def _without_escapes(heading: str) -> str:
    """Return the text of a heading in Markdown, as this project writes it."""
    return html.unescape(re.sub(r"\\([^\w\s]|_)", r"\1", heading))

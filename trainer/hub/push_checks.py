"""Texts that are to be published hold no secret and no path of this machine."""

import re
from pathlib import Path

from trainer.errors import InputError

# Tokens of the Hub's and of other services that a configuration may have caught.
TOKENS = re.compile(r"\b(?:hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{32,})\b")
# Places that somebody's files are in. A backslash is doubled in JSON.
PATHS = re.compile(
    r"(?<![\w.:/-])(?:/(?:home|Users)/[\w.-]+/|/(?:root|tmp|mnt|media|workspace|scratch)/\w)"
    r"|\bfile:///\w"
    r"|\b[A-Za-z]:\\{1,2}Users\\"
)
# Tables of a tokenizer's pieces, in which anything may stand: only what is certainly this
# machine's is looked for.
TABLES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt")


def check_text(path: Path, text: str, token: str | None, folder: Path) -> None:
    """Make sure that a file tells nobody a token or where files are on this machine.

    Args:
        path: the file.
        text: what is in it.
        token: the user's own, if there is one.
        folder: the model's, whose own path is looked for, too.

    Raises:
        InputError: naming the file and the line, and never the token.
    """
    secret = TOKENS.search(text)
    at = text.find(token) if token else -1
    if secret or at >= 0:
        line = _line(text, secret.start() if secret else at)
        raise InputError(
            f"'{path}', line {line}: holds an access token; take it out, and make a new one, "
            f"since this one may have been read by others"
        )
    own = [str(place) for place in {Path.home(), Path.cwd(), folder.absolute()}]
    places = sorted((place for place in own if place.count("/") > 1), key=len, reverse=True)
    known = re.compile("|".join(re.escape(place) + r"(?![\w.-])" for place in places) or "(?!)")
    found = known.search(text) or (None if path.name in TABLES else PATHS.search(text))
    if found:
        shown = re.match(r"[^\s\"'`)>,]*", text[found.start() :])
        raise InputError(
            f"'{path}', line {_line(text, found.start())}: holds a path of this machine, "
            f"'{shown[0] if shown else ''}', which would be published; take it out"
        )


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1

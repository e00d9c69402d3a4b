"""Checks that published texts contain no token and no path of this machine."""

import re
from pathlib import Path

from trainer.errors import InputError

# Tokens of the Hub and of other services.
TOKENS = re.compile(r"\b(?:hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{32,})\b")
# Folders of users' files. JSON doubles a backslash.
PATHS = re.compile(
    r"(?<![\w.:/-])(?:/(?:home|Users)/[\w.-]+/|/(?:root|tmp|mnt|media|workspace|scratch)/\w)"
    r"|\bfile:///\w"
    r"|\b[A-Za-z]:\\{1,2}Users\\"
)
# Vocabularies, whose tokens may look like paths: only the known paths of this machine are refused.
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt")


def check_text(path: Path, text: str, token: str | None, folder: Path) -> None:
    """Check that a file contains no token and no path of this machine.

    Args:
        path: the file.
        text: its content.
        token: the user's token, if any.
        folder: the model's folder, whose path must not occur either.

    Raises:
        InputError: with the file and the line, but not the token.
    """
    secret = TOKENS.search(text)
    position = secret.start() if secret else text.find(token) if token else -1
    if position >= 0:
        raise InputError(
            f"'{path}', line {_line(text, position)}: contains an access token; remove it, and "
            f"replace the token, since others may have read it"
        )
    folders = [str(path) for path in {Path.home(), Path.cwd(), folder.absolute()}]
    local = sorted((path for path in folders if path.count("/") > 1), key=len, reverse=True)
    pattern = re.compile("|".join(re.escape(path) + r"(?![\w.-])" for path in local) or "(?!)")
    match = pattern.search(text) or (None if path.name in VOCABULARIES else PATHS.search(text))
    if match:
        local_path = re.match(r"[^\s\"'`)>,]*", text[match.start() :])
        raise InputError(
            f"'{path}', line {_line(text, match.start())}: contains a path of this machine, "
            f"'{local_path[0] if local_path else ''}', which would be published; remove it"
        )


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1

"""The one exception for input that a user can mend."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Wrong input: the message names the file, row, column or option and says what to do."""


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the closest known name, or nothing if none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""

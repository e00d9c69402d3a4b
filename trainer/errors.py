"""The one exception for input that a user can mend."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

# Characters of a value, and names of a list.
_SHOWN, _LISTED = 100, 20
# Characters that a terminal may act on, or that reorder the text around them.
_UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class InputError(ValueError):
    """Wrong input: the message names the file, row, column or option and says what to do.

    It may quote files of other people's: control characters are shown by their codes.
    """

    def __init__(self, message: str):
        super().__init__(_UNSAFE.sub(lambda found: ascii(found[0])[1:-1], message))


def shown(value: Any) -> str:
    """A value as a message quotes it: no more than its beginning."""
    text = repr(value[: _SHOWN + 1] if isinstance(value, (str, bytes, list)) else value)
    return text if len(text) <= _SHOWN + 2 else f"{text[:_SHOWN]}…"


def listed(names: Sequence[str]) -> str:
    """Names as a message lists them: the first ones, and the beginnings of long ones."""
    text = ", ".join(n if len(n) <= _SHOWN else f"{n[:_SHOWN]}…" for n in names[:_LISTED])
    return text if len(names) <= _LISTED else f"{text}, … ({len(names)} in all)"


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the closest known name, or nothing if none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""

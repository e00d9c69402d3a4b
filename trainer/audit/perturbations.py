"""Small changes of rows, after the tests of CheckList (Ribeiro et al. 2020).

A change returns None for a row that it does not apply to.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator

from trainer.audit.outputs import Row
from trainer.data.term_swaps import TermSwapper

Change = Callable[[Row, Generator], Row | None]

_WORD = re.compile(r"[^\W\d_]{4,}")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?![\w]|[.,]\d)")
_VERB = re.compile(r"\b(is|are|was|were|can|could|will|would|should)\b(?!n't)(?P<not> not\b)?")


def swap_letters(row: Row, random: Generator) -> Row | None:
    """Exchange two neighboring letters inside a word of each text: a typing error."""
    changed = {side: _typo(text, random) for side, text in row.items()}
    return changed if changed != row else None


def _typo(text: str, random: Generator) -> str:
    places = [
        index
        for word in _WORD.finditer(text)
        # The first and the last letter of a word stay.
        for index in range(word.start() + 1, word.end() - 2)
        if text[index].lower() != text[index + 1].lower()
    ]
    if not places:
        return text
    index = int(random.choice(places))
    return f"{text[:index]}{text[index + 1]}{text[index]}{text[index + 2 :]}"


def change_numbers(row: Row, random: Generator) -> Row | None:
    """Replace each whole number by another one with as many digits, equal ones alike."""
    found = {number for text in row.values() for number in _NUMBER.findall(text)}
    numbers: dict[str, str] = {}
    for number in sorted(found):
        low = 10 ** (len(number) - 1) if len(number) > 1 else 2
        taken = {*found, *numbers.values()}
        draws = (str(random.integers(low, 10 ** min(len(number), 18))) for _ in range(20))
        new = next((draw for draw in draws if draw not in taken), None)
        if new is None:
            return None
        numbers[number] = new
    if not numbers:
        return None
    return {side: _NUMBER.sub(lambda match: numbers[match[0]], text) for side, text in row.items()}


@dataclass(frozen=True)
class ChangeNames:
    """Replaces first names by others, alike on both sides of a pair."""

    swapper: TermSwapper

    def __call__(self, row: Row, random: Generator) -> Row | None:
        step = 1 + int(random.integers(len(self.swapper) - 1))
        changed = {side: self.swapper.swap(text, step) for side, text in row.items()}
        return changed if changed != row else None


def negate(text: str) -> str | None:
    """Return a text with its first auxiliary verb negated, or its negation removed."""
    match = _VERB.search(text)
    if match is None:
        return None
    words = match[1] if match["not"] else f"{match[1]} not"
    return text[: match.start()] + words + text[match.end() :]


def negate_row(row: Row, random: Generator) -> Row | None:
    """Negate a single text."""
    text = negate(row["text"])
    return None if text is None else {"text": text}


def exchange_sides(row: Row, random: Generator) -> Row | None:
    """Exchange the two texts of a pair, unless they are equal."""
    if row["text"] == row["text_pair"]:
        return None
    return {"text": row["text_pair"], "text_pair": row["text"]}


def pair_with_itself(row: Row, random: Generator) -> Row | None:
    """Pair the first text with itself, unless it is."""
    return None if row["text"] == row["text_pair"] else {**row, "text_pair": row["text"]}

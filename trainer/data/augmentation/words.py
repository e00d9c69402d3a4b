"""Splitting of texts into words with punctuation, and the words that augmentation may change."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_NEGATIONS = """
no not nt n't never nor neither none nobody nothing nowhere without hardly barely scarcely seldom
rarely unless except lack lacks lacked lacking few little less least cannot
ain aren couldn didn doesn don hadn hasn haven isn shouldn wasn weren won wouldn
aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt shouldnt wasnt werent wont wouldnt
"""
_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
thousand million billion trillion dozen half third quarter first second once twice double triple
single both pair
"""
NEGATIONS = frozenset(_NEGATIONS.split())
NUMBERS = frozenset(_NUMBERS.split())
CLAUSE_ENDS = frozenset(",.;:!?…")
_CHUNK = re.compile(r"([(\[{\"“]*)(.*?)([)\]}\"”,.;:!?…]*)", re.DOTALL)
# Lower case only: a capitalized word may be a name, even at the beginning of a sentence.
_LOWER_CASE_WORD = re.compile(r"[^\W\d_A-Z]+(?:-[^\W\d_A-Z]+)*")
_SENTENCE_END = re.compile(r"[.!?…][)\]}\"”]*$")


class Word(NamedTuple):
    """A word and its adjacent punctuation; the core of a separate mark is empty."""

    before: str
    core: str
    after: str


def split(text: str) -> list[Word]:
    """Return the words of a text, split at white space."""
    return [
        Word(*_CHUNK.fullmatch(chunk).groups())  # type: ignore[union-attr]
        for chunk in text.split()
    ]


def join(words: Sequence[Word]) -> str:
    """Return the text of words, separated by spaces."""
    return " ".join("".join(word) for word in words)


def is_word(word: Word) -> bool:
    """Return whether a word has a letter or digit."""
    return any(character.isalnum() for character in word.core)


def is_negation(core: str) -> bool:
    """Return whether a word is a negation, or a limiting word such as "hardly"."""
    core = core.lower().replace("’", "'")
    return core in NEGATIONS or core.endswith("n't")


def replaceable(words: Sequence[Word]) -> list[int]:
    """Return the indices of the words that a synonym may replace.

    Numbers, negations and words with a capital letter, an apostrophe or a sign are excluded.
    """
    return [
        index
        for index, word in enumerate(words)
        if _LOWER_CASE_WORD.fullmatch(word.core)
        and word.core.islower()
        and not is_negation(word.core)
        and word.core not in NUMBERS
    ]


def movable(words: Sequence[Word]) -> list[int]:
    """Return the indices of the words that may be moved, deleted, or replaced by any other.

    These are replaceable words without punctuation outside the scope of negations: from the word
    before a negation ("does n't") to the end of its clause.
    """
    negated: set[int] = set()
    for start, word in enumerate(words):
        if not is_negation(word.core):
            continue
        negated.add(start - 1)
        for index in range(start, len(words)):
            negated.add(index)
            if words[index].core == "--" or CLAUSE_ENDS & set(words[index].after):
                break
    return [
        index
        for index in replaceable(words)
        if index not in negated and not words[index].before and not words[index].after
    ]


def count_words(share: float, words: Sequence[Word]) -> int:
    """Return the number of words in a share of a text, at least one."""
    return max(1, round(share * sum(map(is_word, words))))


def keeps_facts(before: str, after: str) -> bool:
    """Return whether a rewritten text keeps the numbers, negations and names of the original."""
    old, new = split(before), split(after)
    return (
        _numbers(old) == _numbers(new)
        and _negations(old) == _negations(new)
        and _names(old) <= {word.core for word in new}
    )


def _numbers(words: Sequence[Word]) -> Counter[str]:
    cores = (word.core.lower() for word in words)
    return Counter(core for core in cores if any(map(str.isdigit, core)) or core in NUMBERS)


def _negations(words: Sequence[Word]) -> int:
    return sum(is_negation(word.core) for word in words)


def _names(words: Sequence[Word]) -> set[str]:
    """Return the capitalized words inside sentences, except "I" and its contractions."""
    names: set[str] = set()
    inside = False
    for word in words:
        is_name = word.core[:1].isupper() and word.core.replace("’", "'").split("'")[0] != "I"
        if inside and is_name:
            names.add(word.core)
        inside = (inside or is_word(word)) and not _SENTENCE_END.search(word.after)
    return names

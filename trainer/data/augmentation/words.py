"""A text as words with the marks around them, and which of them an augmentation may touch."""

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
# Lower case throughout: a capital may be a name's, in front of a sentence, too.
_PLAIN = re.compile(r"[^\W\d_A-Z]+(?:-[^\W\d_A-Z]+)*")
_SENTENCE_END = re.compile(r"[.!?…][)\]}\"”]*$")


class Word(NamedTuple):
    """A word and the marks written onto it; of a mark that stands alone the core is empty."""

    before: str
    core: str
    after: str


def split(text: str) -> list[Word]:
    """The words of a text, at its white space."""
    return [
        Word(*_CHUNK.fullmatch(chunk).groups())  # type: ignore[union-attr]
        for chunk in text.split()
    ]


def join(words: Sequence[Word]) -> str:
    """The text of words, one space between two."""
    return " ".join("".join(word) for word in words)


def is_word(word: Word) -> bool:
    """Whether it is more than a mark."""
    return any(character.isalnum() for character in word.core)


def is_negation(core: str) -> bool:
    """Whether a word denies, doubts or limits what stands near it."""
    core = core.lower().replace("’", "'")
    return core in NEGATIONS or core.endswith("n't")


def plain(words: Sequence[Word]) -> list[int]:
    """Places of the words that may give way to another of the same meaning.

    Numbers, negations and every word with a capital letter, an apostrophe or a sign are left out.
    """
    return [
        place
        for place, word in enumerate(words)
        if _PLAIN.fullmatch(word.core)
        and word.core.islower()
        and not is_negation(word.core)
        and word.core not in NUMBERS
    ]


def loose(words: Sequence[Word]) -> list[int]:
    """Places of the words that may move, go, or give way to any other.

    Plain words without a mark, outside what a negation speaks of: from the word in front of it,
    which may carry it ("does n't"), to the end of the clause.
    """
    denied: set[int] = set()
    for place, word in enumerate(words):
        if not is_negation(word.core):
            continue
        denied.add(place - 1)
        for there in range(place, len(words)):
            denied.add(there)
            if words[there].core == "--" or CLAUSE_ENDS & set(words[there].after):
                break
    return [
        place
        for place in plain(words)
        if place not in denied and not words[place].before and not words[place].after
    ]


def how_many(share: float, words: Sequence[Word]) -> int:
    """How many words a share of a text is; one at least."""
    return max(1, round(share * sum(map(is_word, words))))


def keeps_facts(before: str, after: str) -> bool:
    """Whether a rewritten text has the numbers, the negations and the names of the first."""
    then, now = split(before), split(after)
    return (
        _numbers(then) == _numbers(now)
        and _negations(then) == _negations(now)
        and _names(then) <= {word.core for word in now}
    )


def _numbers(words: Sequence[Word]) -> Counter[str]:
    cores = (word.core.lower() for word in words)
    return Counter(core for core in cores if any(map(str.isdigit, core)) or core in NUMBERS)


def _negations(words: Sequence[Word]) -> int:
    return sum(is_negation(word.core) for word in words)


def _names(words: Sequence[Word]) -> set[str]:
    """The capitalised words inside sentences, without the pronoun I and what is drawn to it."""
    names: set[str] = set()
    inside = False
    for word in words:
        is_name = word.core[:1].isupper() and word.core.replace("’", "'").split("'")[0] != "I"
        if inside and is_name:
            names.add(word.core)
        inside = (inside or is_word(word)) and not _SENTENCE_END.search(word.after)
    return names

"""Replacement of terms in texts by other terms of their axis."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.data.terms import Forms, article_ending

# An adjective alone may mean something else: "black coffee", "a conservative estimate".
AMBIGUOUS = ("adjective",)


@dataclass(frozen=True)
class _Occurrence:
    term: int
    form: str


class TermSwapper:
    """Replaces each term of an axis by another one, the same for all of its forms.

    Words are found with their capital letters, or with a capital first letter. Adjectives alone are
    not replaced.

    Args:
        terms: term -> its forms.
    """

    def __init__(self, terms: Mapping[str, Forms]):
        self._forms = list(terms.values())
        self._found: dict[str, _Occurrence] = {}
        for index, forms in enumerate(self._forms):
            for form, words in forms.items():
                if form not in AMBIGUOUS:
                    # Of equal words, the first form.
                    self._found.setdefault(words, _Occurrence(index, form))
        self._found |= {
            words[:1].upper() + words[1:]: found
            for words, found in self._found.items()
            if words[:1].upper() + words[1:] not in self._found
        }
        # The longest first: "non-binary people" before "people". Without any, nothing matches.
        longest_first = sorted(self._found, key=len, reverse=True)
        words = "|".join(map(re.escape, longest_first)) or "(?!)"
        self._pattern = re.compile(rf"(?:\b([Aa])n? )?(?<![\w-])({words})(?![\w-])")

    def __len__(self) -> int:
        return len(self._forms)

    def swap(self, text: str, step: int) -> str:
        """Return a text in which each term is replaced by the one `step` places further on.

        Args:
            text: the text.
            step: 1 to the number of terms minus 1, so that every term changes and different terms
                stay different.
        """

        def replace(match: re.Match[str]) -> str:
            article, words = match.groups()
            found = self._found[words]
            new = self._forms[(found.term + step) % len(self._forms)][found.form]
            if words[:1].isupper() and self._forms[found.term][found.form][:1].islower():
                new = new[:1].upper() + new[1:]
            return new if article is None else f"{article}{article_ending(new)} {new}"

        return self._pattern.sub(replace, text)

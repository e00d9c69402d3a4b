"""Synonyms from WordNet through nltk, in the form of the word they stand for."""

from functools import lru_cache
from typing import Any

from trainer.errors import InputError

MISSING_DATA = (
    "WordNet is not installed for nltk. With a network: "
    ".venv/bin/python -m nltk.downloader wordnet\n"
    "On Debian without one: apt install wordnet-base wordnet-sense-index, then "
    ".venv/bin/python scripts/make_wordnet.py"
)
# First letters of the Penn Treebank's tags of words that WordNet knows.
PARTS = {"NN": "n", "VB": "v", "JJ": "a", "RB": "r"}
NAME_TAGS = ("NNP", "NNPS")
EXCEPTIONS = {"n": "noun.exc", "v": "verb.exc"}
ENDINGS = {"n": ("s",), "v": ("s", "ed", "ing")}
# Beyond scikit-learn's list of words that say little by themselves.
_MORE = "am did does doing gets getting got having let lets make ought shall"
MORE_FUNCTION_WORDS = frozenset(_MORE.split())


def load_wordnet() -> Any:
    """nltk's reader of the WordNet database.

    Raises:
        InputError: if nltk or its data is missing, with what to do.
    """
    try:
        import nltk.corpus
    except ImportError as error:
        raise InputError("WordNet needs nltk: .venv/bin/pip install -e '.[augment]'") from error
    try:
        nltk.corpus.wordnet.ensure_loaded()
    except LookupError as error:
        raise InputError(MISSING_DATA) from error
    return nltk.corpus.wordnet


class Thesaurus:
    """Synonyms that can stand in a word's place without other changes.

    Args:
        wordnet: nltk's reader, or anything with its `synsets`, `morphy` and `open`.
    """

    def __init__(self, wordnet: Any):
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        self.wordnet = wordnet
        self.function_words = ENGLISH_STOP_WORDS | MORE_FUNCTION_WORDS
        self.irregular = {part: self._irregular(name) for part, name in EXCEPTIONS.items()}
        # Read whole: nltk searches the file on disk for every count.
        with wordnet.open("cntlist.rev") as lines:
            self.counts = {key: int(count) for key, _, count in map(str.split, lines)}
        self.synonyms = lru_cache(maxsize=None)(self._synonyms)

    def _irregular(self, file: str) -> dict[str, str]:
        """Forms that no rule makes and what they are forms of, such as "mice" and "mouse"."""
        with self.wordnet.open(file) as lines:
            return dict(line.split()[:2] for line in lines)

    def _synonyms(self, word: str, tag: str | None = None) -> list[str]:
        """Single lower-case words of the word's most frequent sense, in the word's own form.

        Args:
            word: in lower case.
            tag: its part of speech in the Penn Treebank's names, if it is known.

        Returns:
            The synonyms in alphabetical order; none for names, for words such as "the", for forms
            that no rule makes, and where the tag is not the most frequent sense's.
        """
        if word in self.function_words or tag in NAME_TAGS:
            return []
        senses = [
            (synset, lemma)
            for synset in self.wordnet.synsets(word)
            for lemma in synset.lemmas()
            if lemma.name() == self.wordnet.morphy(word, _part_of(synset))
        ]
        if not senses:
            return []
        # The first of equals: WordNet has the most frequent sense of each part of speech first.
        synset, own = max(senses, key=lambda sense: self._count(sense[1]))
        part = _part_of(synset)
        if tag is not None and PARTS.get(tag[:2]) != part:
            return []
        if own.name() in self.function_words or self._is_doubtful(word, part):
            return []
        # A synonym that the counted texts never use in this sense is a rare word.
        others = {lemma.name() for lemma in synset.lemmas() if self._count(lemma)} - {own.name()}
        forms = (self._like(word, own.name(), other, part) for other in others)
        return sorted({form for form in forms if form is not None and form != word})

    def _count(self, lemma: Any) -> int:
        """How often the texts behind WordNet's counts use a word in a sense."""
        return self.counts.get(lemma.key(), 0)

    def _is_doubtful(self, word: str, part: str) -> bool:
        """Whether a word may be a form of another: "men", or "smoking" called a noun."""
        if any(word in forms for forms in self.irregular.values()):
            return True
        return part == "n" and word.endswith("ing") and self.wordnet.morphy(word, "v") is not None

    def _like(self, word: str, lemma: str, other: str, part: str) -> str | None:
        """The other lemma in the form that the word is of its own, if a rule makes that form."""
        is_common = other.isalpha() and other.islower() and len(other) > 2
        if not is_common or other in self.function_words:
            return None
        if word == lemma:
            return other
        if part not in ENDINGS or other in self.irregular[part].values():
            return None
        for ending in ENDINGS[part]:
            if word == inflect(lemma, ending):
                return inflect(other, ending)
        return None


def _part_of(synset: Any) -> str:
    return "a" if synset.pos() == "s" else synset.pos()


def inflect(lemma: str, ending: str) -> str:
    """A regular noun or verb with the ending "s", "ed" or "ing", as English spells it."""
    after_consonant = lemma[-2:-1] not in "aeiou"
    if ending == "s":
        if lemma.endswith("y") and after_consonant:
            return lemma[:-1] + "ies"
        return lemma + ("es" if lemma.endswith(("s", "x", "z", "ch", "sh")) else "s")
    if ending == "ed":
        if lemma.endswith("y") and after_consonant:
            return lemma[:-1] + "ied"
        return lemma + ("d" if lemma.endswith("e") else "ed")
    if lemma.endswith("ie"):
        return lemma[:-2] + "ying"
    if lemma.endswith("e") and not lemma.endswith(("ee", "oe", "ye")):
        return lemma[:-1] + "ing"
    return lemma + "ing"

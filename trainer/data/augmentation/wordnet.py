"""Synonyms from nltk's WordNet, inflected like the replaced word."""

from functools import lru_cache
from typing import Any

from trainer.errors import InputError

MISSING_DATA = (
    "WordNet is not installed for nltk. With a network: "
    "python -m nltk.downloader wordnet\n"
    "On Debian without one: apt install wordnet-base wordnet-sense-index, then "
    "hybrid-mtl make-wordnet"
)
# First letters of Penn Treebank tags -> part of speech in WordNet.
PARTS = {"NN": "n", "VB": "v", "JJ": "a", "RB": "r"}
NAME_TAGS = ("NNP", "NNPS")
EXCEPTIONS = {"n": "noun.exc", "v": "verb.exc"}
ENDINGS = {"n": ("s",), "v": ("s", "ed", "ing")}
# In addition to scikit-learn's stop words.
_MORE = "am did does doing gets getting got having let lets make ought shall"
MORE_FUNCTION_WORDS = frozenset(_MORE.split())


def load_wordnet() -> Any:
    """Return nltk's reader of the WordNet database.

    Raises:
        InputError: if nltk or its data is missing, with the remedy.
    """
    try:
        import nltk.corpus
    except ImportError as error:
        raise InputError("WordNet needs nltk: pip install 'hybrid-mtl[augment]'") from error
    try:
        nltk.corpus.wordnet.ensure_loaded()
    except LookupError as error:
        raise InputError(MISSING_DATA) from error
    return nltk.corpus.wordnet


class Thesaurus:
    """Synonyms that can replace a word without other changes.

    Args:
        wordnet: nltk's reader, or an object with its `synsets`, `morphy` and `open`.
    """

    def __init__(self, wordnet: Any):
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        self.wordnet = wordnet
        self.function_words = ENGLISH_STOP_WORDS | MORE_FUNCTION_WORDS
        self.irregular = {part: self._irregular(name) for part, name in EXCEPTIONS.items()}
        # Loaded into memory, since nltk searches the file on disk for every count.
        with wordnet.open("cntlist.rev") as lines:
            self.counts = {key: int(count) for key, _, count in map(str.split, lines)}
        self.synonyms = lru_cache(maxsize=None)(self._synonyms)

    def _irregular(self, file: str) -> dict[str, str]:
        """Return irregular form -> lemma, such as "mice" -> "mouse"."""
        with self.wordnet.open(file) as lines:
            return dict(line.split()[:2] for line in lines)

    def _synonyms(self, word: str, tag: str | None = None) -> list[str]:
        """Return single lower-case synonyms of a word's most frequent sense, inflected like it.

        Args:
            word: a word in lower case.
            tag: its Penn Treebank tag, or None.

        Returns:
            The synonyms in alphabetical order; none for names, function words, irregular forms,
            and words whose tag is not that of the most frequent sense.
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
        # The first of equal counts: WordNet lists the most frequent sense of a part of speech
        # first.
        synset, lemma = max(senses, key=lambda sense: self._count(sense[1]))
        name, part = lemma.name(), _part_of(synset)
        if tag is not None and PARTS.get(tag[:2]) != part:
            return []
        if name in self.function_words or self._is_ambiguous_form(word, part):
            return []
        # A synonym without a count in this sense is a rare word.
        others = {other.name() for other in synset.lemmas() if self._count(other)} - {name}
        forms = (self._inflect_like(word, name, other, part) for other in others)
        return sorted({form for form in forms if form is not None and form != word})

    def _count(self, lemma: Any) -> int:
        """Return the number of uses of a word in a sense in WordNet's corpus."""
        return self.counts.get(lemma.key(), 0)

    def _is_ambiguous_form(self, word: str, part: str) -> bool:
        """Return whether a word may be a form of another: "men", or "smoking" tagged as a noun."""
        if any(word in forms for forms in self.irregular.values()):
            return True
        return part == "n" and word.endswith("ing") and self.wordnet.morphy(word, "v") is not None

    def _inflect_like(self, word: str, lemma: str, other: str, part: str) -> str | None:
        """Return another lemma in the form that `word` is of `lemma`, None if irregular."""
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
    """Return a regular noun or verb in English spelling with the ending "s", "ed" or "ing"."""
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

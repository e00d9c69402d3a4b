"""Part-of-speech tagging with nltk or TextBlob."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from trainer.errors import InputError


@dataclass(frozen=True)
class Tagger:
    """A function from a sentence's words to their Penn Treebank tags.

    Attributes:
        name: the package and its version, part of the key of cached tags.
        tags: the function.
    """

    name: str
    tags: Callable[[Sequence[str]], list[str]]

    def __call__(self, words: Sequence[str]) -> list[str]:
        return self.tags(words)


@cache
def find_tagger() -> Tagger | None:
    """Return nltk's averaged perceptron if its data is installed, else TextBlob's, else None."""
    try:
        from nltk.tag.perceptron import PerceptronTagger

        perceptron = PerceptronTagger()
    except (ImportError, LookupError):
        pass
    else:
        return Tagger(
            f"nltk {version('nltk')}",
            lambda words: [tag for _, tag in perceptron.tag(list(words))],
        )
    try:
        from textblob.en import tag as tag_text
    except ImportError:
        return None
    return Tagger(
        f"textblob {version('textblob')}",
        lambda words: [tag for _, tag in tag_text(" ".join(words), tokenize=False)],
    )


def require_tagger() -> Tagger:
    """Return the installed tagger.

    Raises:
        InputError: if none is installed.
    """
    tagger = find_tagger()
    if tagger is None:
        raise InputError(
            "no part-of-speech tagger is installed: pip install 'hybrid-mtl[augment]', or "
            "python -m nltk.downloader averaged_perceptron_tagger_eng"
        )
    return tagger

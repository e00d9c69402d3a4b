"""Parts of speech, by whichever tagger is installed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from trainer.errors import InputError


@dataclass(frozen=True)
class Tagger:
    """A function from a sentence's words to their tags in the Penn Treebank's names.

    Attributes:
        name: the package and its version, which a cache of tags depends on.
        tags: the function.
    """

    name: str
    tags: Callable[[Sequence[str]], list[str]]

    def __call__(self, words: Sequence[str]) -> list[str]:
        return self.tags(words)


@cache
def find_tagger() -> Tagger | None:
    """nltk's averaged perceptron, if its data is installed; else TextBlob's, which brings a
    lexicon of its own; else None.
    """
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


def need_tagger() -> Tagger:
    """The tagger, where tags are the point.

    Raises:
        InputError: if none is installed.
    """
    tagger = find_tagger()
    if tagger is None:
        raise InputError(
            "no part-of-speech tagger is installed: .venv/bin/pip install -e '.[augment]', or "
            ".venv/bin/python -m nltk.downloader averaged_perceptron_tagger_eng"
        )
    return tagger
